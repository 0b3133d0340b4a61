"""Run the official FOCUS validator (focus-validator 2.2.1, rule model 1.2.0.1) on a Parquet file.

A helper of the tests and a small command: ``python tests/focus_validator.py FILE``. The validator runs on
Python 3.12 only and wants an older DuckDB than ours, so it gets an environment of its own, made once.
docs/focus-conformance.md says what its rules demand and which of them are false alarms.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements" / "focus-validator.txt"
CACHE = ROOT / ".cache" / "focus-validator"
MODEL = "1.2.0.1"  # the only one inside the package; any other would be downloaded

# Rules of the model that fail on correct data too; docs/focus-conformance.md has the proof of each.
FALSE_ALARMS = {
    "CapacityReservationStatus-C-003-C": "its condition is not read: every filled status fails",
    "CapacityReservationStatus-C-004-C": "its condition is not read: every empty status fails",
    "CommitmentDiscountStatus-C-004-C": "its condition is inverted: it contradicts CommitmentDiscountStatus-C-003-C",
    "EffectiveCost-C-005-C": "asks 0 of every Purchase: a support fee is none that covers later charges, and fees of"
    " Google's older commitments keep their cost because the export does not say what used them",
    "InvoiceId-C-003-C": "an OR over whole files: where some rows are invoiced and some are not, both branches fail",
    "InvoiceId-C-004-C": "one branch of an OR reported as a rule: every filled InvoiceId fails",
    "InvoiceId-C-005-C": "one branch of an OR reported as a rule: every empty InvoiceId fails",
}

_TOTALS = re.compile(r"^Total: (\d+) \| Pass: (\d+) \| Fail: (\d+) \| Skipped: (\d+)$", re.MULTILINE)
_FAILURE = re.compile(r"^- (\S+): violations=(\S+); (.*)\n  MustSatisfy: (.*)$", re.MULTILINE)
_RULE_ID = re.compile(r"\w+-[A-Z]-\d{3}-[A-Z]")


class ValidatorUnavailable(Exception):
    """The validator cannot be run on this machine."""


class ValidatorBroken(Exception):
    """The validator ran but did not hand back a result that can be read."""


@dataclass(frozen=True)
class FailedRule:
    """A rule the data breaks: `violations` is a number of rows, or of groups where the rule looks at groups."""

    rule: str
    column: str
    violations: str
    message: str
    requirement: str


@dataclass(frozen=True)
class Report:
    """What the validator counted, and every rule that failed."""

    total: int
    passed: int
    failed: int
    skipped: int
    failures: tuple[FailedRule, ...]

    @property
    def causes(self) -> tuple[FailedRule, ...]:
        """The failures without those that only repeat that a rule below them failed."""
        names = {failure.rule for failure in self.failures}
        return tuple(
            failure
            for failure in self.failures
            if not names.intersection(set(_RULE_ID.findall(failure.message)) - {failure.rule})
        )

    @property
    def unexpected(self) -> tuple[FailedRule, ...]:
        """The causes that are no known false alarm: what a conforming file has none of."""
        return tuple(failure for failure in self.causes if failure.rule not in FALSE_ALARMS)

    def __str__(self) -> str:
        lines = [f"{self.total} rules: {self.passed} passed, {self.failed} failed, {self.skipped} skipped"]
        for failure in self.causes:
            alarm = FALSE_ALARMS.get(failure.rule)
            lines.append(f"{'known false alarm' if alarm else 'FAILED'}: {failure.rule} ({failure.violations})")
            lines.append(f"    {alarm or failure.requirement + ' | ' + failure.message}")
        return "\n".join(lines)


def _candidates() -> Iterator[Path]:
    """Where a Python 3.12 may lie: on the path, in pyenv, where Debian or a build from source puts it."""
    for name in ("python3.12", "python3"):
        if found := shutil.which(name):
            yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob("versions/3.12*/bin/python"), reverse=True)
    yield from (Path("/usr/bin/python3.12"), Path("/usr/local/bin/python3.12"))


def find_python() -> Path:
    """The first candidate that really is 3.12 (a shim of pyenv may refuse) and can make environments."""
    probe = "import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 12))"
    for candidate in _candidates():
        try:
            done = subprocess.run([candidate, "-I", "-c", probe], capture_output=True, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            return candidate
    raise ValidatorUnavailable(
        "THE OFFICIAL FOCUS VALIDATOR DID NOT RUN: it needs Python 3.12 with the venv module, and no python3.12 is on "
        "the PATH, in pyenv or in /usr/bin. Install one (pyenv install 3.12, or apt-get install python3.12-venv)."
    )


def environment(cache: Path = CACHE) -> Path:
    """The Python of the validator's own environment, made from the pinned requirements if it is not there yet."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    cache = cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    (cache / ".gitignore").write_text("*\n", encoding="utf-8")
    venv = cache / digest
    python = venv / "bin" / "python"
    complete = venv / "complete"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs at once make it once
        if complete.exists() and os.access(python, os.X_OK):
            return python
        pip_options = ["--disable-pip-version-check", "--no-input", "install", "--quiet", "--require-hashes", "-r"]
        for command in (
            [str(find_python()), "-I", "-m", "venv", "--clear", str(venv)],
            [str(python), "-I", "-m", "pip", *pip_options, str(REQUIREMENTS)],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise ValidatorUnavailable(
                    f"THE OFFICIAL FOCUS VALIDATOR DID NOT RUN: it could not be installed in {venv}: "
                    f"{(done.stderr or done.stdout).strip()[-800:]}"
                )
        complete.touch()
    return python


def read_report(output: str) -> Report:
    """The report in the console output. The exit status says nothing: it is 0 even when rules fail."""
    totals = _TOTALS.findall(output)
    if len(totals) != 1:
        raise ValidatorBroken(f"The validator printed no totals:\n{output[-2000:]}")
    total, passed, failed, skipped = (int(number) for number in totals[0])
    failures = tuple(
        FailedRule(rule, rule.partition("-")[0], violations, message, requirement)
        for rule, violations, message, requirement in sorted(_FAILURE.findall(output))
    )
    if len(failures) != failed or passed + failed + skipped != total or not passed:
        raise ValidatorBroken(f"{failed} failures were counted, {len(failures)} are listed:\n{output[-2000:]}")
    return Report(total, passed, failed, skipped, failures)


def validate(parquet: Path, cache: Path = CACHE) -> Report:
    """Check a Parquet file against every rule of FOCUS 1.2, the conditional columns included."""
    parquet = parquet.resolve(strict=True)
    python = environment(cache)
    # It opens a list of currencies relative to the working directory. -I keeps PYTHONPATH (another DuckDB) out.
    site_packages = next((python.parents[1] / "lib").glob("python3.*/site-packages"))
    options = f"--validate-version {MODEL} --block-download --applicability-criteria ALL --output-type console"
    program = [str(python), "-I", "-X", "utf8", str(python.with_name("focus-validator"))]
    done = subprocess.run(
        [*program, *options.split(), "--data-file", str(parquet)],
        cwd=site_packages,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        raise ValidatorBroken(f"The validator ended with status {done.returncode}:\n{done.stderr[-2000:]}")
    return read_report(done.stdout)


def main() -> int:
    """Print the report of one file; the status is 1 where a rule failed that is no known false alarm."""
    parser = argparse.ArgumentParser(description="Check a Parquet file with the official FOCUS 1.2 validator.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the validator's environment lies")
    arguments = parser.parse_args()
    report = validate(arguments.file, arguments.cache)
    print(report)
    return 1 if report.unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
