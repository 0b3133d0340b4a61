"""The command line: as a process of its own or, where words and exit codes are all, in this one, ten times as quick."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    """What a command left: as `subprocess.CompletedProcess` has it."""

    returncode: int
    stdout: str
    stderr: str


def kifayat(*words: str, folder: Path) -> Done:
    """Run the program's own `main` in `folder`."""
    from kifayat.cli import main

    out, err = io.StringIO(), io.StringIO()
    argv, sys.argv = sys.argv, ["kifayat", *words]
    code: object = 0
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as stop:
        code = stop.code
    finally:
        sys.argv = argv
    return Done(code if isinstance(code, int) else int(code is not None), out.getvalue(), err.getvalue())


def process(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it as a person does."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "kifayat", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
