"""One test run, which may have several processes, and the servers that they share.

With pytest-xdist a run is a controller and its workers. The first process that needs a server
starts a keeper for it: a separate process that starts the server and stops it when the run is
over. A keeper learns that from a file lock that the controller holds. The kernel releases such
a lock however its holder ends, so a run that is killed leaves nothing behind either.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Names the run's folder for its workers and keepers, which inherit the environment.
FOLDER = "STAGEWATCH_TEST_RUN"
# Seconds for a server to start, on a machine that is busy, and to stop.
START_SECONDS = 120
STOP_SECONDS = 60


def _locked(path: Path) -> TextIOWrapper:
    """Return the opened file, locked until it is closed."""
    file = path.open("a")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


class Run:
    """The run itself, in its controller: opened before the first test, closed after the last."""

    def __init__(self) -> None:
        _sweep()
        self.folder = Path(tempfile.mkdtemp(prefix="stagewatch-run-"))
        # PostgreSQL may run as another user, who must be able to reach its data.
        self.folder.chmod(0o755)
        self._over = _locked(self.folder / "over")
        os.environ[FOLDER] = str(self.folder)

    def close(self) -> None:
        """End the run, and return when its keepers have stopped their servers."""
        self._over.close()
        deadline = time.monotonic() + STOP_SECONDS
        for path in self.folder.glob("*.kept"):
            while not _is_free(path) and time.monotonic() < deadline:
                time.sleep(0.05)
        shutil.rmtree(self.folder, ignore_errors=True)


def _sweep() -> None:
    """Remove the folders of runs that were killed."""
    for over in Path(tempfile.gettempdir()).glob("stagewatch-run-*/over"):
        if _is_free(over) and all(_is_free(path) for path in over.parent.glob("*.kept")):
            shutil.rmtree(over.parent, ignore_errors=True)


def _is_free(path: Path) -> bool:
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Another process holds the lock.
            return False
        return True


def shared_server(kind: str) -> str:
    """Return the address of the run's server of this kind, started if need be.

    `kind` is a function of tests.keeper. Raises RuntimeError when it does not start.
    """
    folder = Path(os.environ[FOLDER])
    address = folder / f"{kind}.address"
    # One process starts it; the others wait here and find it started.
    with _locked(folder / f"{kind}.starting"):
        if not address.exists():
            _start_keeper(kind, address)
    return address.read_text()


def _start_keeper(kind: str, address: Path) -> None:
    with (address.parent / f"{kind}.log").open("w+") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.keeper", kind],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for the run; the keeper follows the run's end.
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        while not address.exists():
            if keeper.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise RuntimeError(f"no {kind} for the tests:\n{log.read()}")
            time.sleep(0.05)
    # It outlives this process, and is waited for by the run and not here.
    keeper.returncode = 0


@contextmanager
def kept(kind: str) -> Iterator[Path]:
    """Mark a keeper as in use; yields a folder for its server."""
    folder = Path(os.environ[FOLDER])
    with _locked(folder / f"{kind}.kept"):
        yield folder / kind


def publish(kind: str, address: str) -> None:
    """Publish the server's address to the run's processes."""
    folder = Path(os.environ[FOLDER])
    unfinished = folder / f"{kind}.unfinished"
    unfinished.write_text(address)
    unfinished.rename(folder / f"{kind}.address")


def wait_until_over() -> None:
    """Wait until the run has ended, for whatever reason."""
    _locked(Path(os.environ[FOLDER]) / "over").close()
