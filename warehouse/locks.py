"""One holder at a time: a lock file that says who holds it. The kernel frees it when the holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core import AlreadyRunning, WriterBusy

#: Locks of the service and its jobs, below the storage directory; the writer's is beside the ledger.
LOCKS = "locks"


@contextmanager
def file_lock(path: Path, refusal: Callable[[str], Exception]) -> Iterator[None]:
    """Hold `path`, or raise `refusal(pid of the holder)` at once. Two holders in one process refuse each other too."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            raise refusal(pid) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def writer_lock(directory: Path) -> Iterator[None]:
    """The lock of the one writer of the store. Raises WriterBusy with the holder's pid."""

    def refusal(pid: str) -> Exception:
        return WriterBusy(
            f"another process (pid {pid}) is writing", where=str(directory),
            expected="one writer at a time", fix="wait until it has finished; readers are not affected",
        )  # fmt: skip

    with file_lock(directory / "writer.lock", refusal):
        yield


@contextmanager
def service_lock(directory: Path, name: str) -> Iterator[None]:
    """The lock `serve` of the one service, or that of a lane of jobs. Raises AlreadyRunning with the holder's pid."""
    what = "the service" if name == "serve" else f"a job of the lane {name!r}"

    def refusal(pid: str) -> Exception:
        return AlreadyRunning(
            f"{what} runs already (pid {pid})", where=str(directory),
            expected="one at a time", fix="wait until it has finished, or stop that process",
        )  # fmt: skip

    folder = directory / LOCKS
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with file_lock(folder / f"{name}.lock", refusal):
        yield
