"""Runs a command in a worktree at every stage, or at every commit of a stage."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from .chain import Stage
from .git import Clone, CourseError, environment
from .stages import title

# SIGQUIT is included so that Ctrl-\ still ends a command that ignores Ctrl-C.
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@dataclass(frozen=True)
class Result:
    """The result of the command at a stage: its exit code, negative for a signal, and the duration.

    ``where`` is the stage, with the commit if there are several results for the stage.
    """

    where: str
    code: int
    seconds: float

    def __str__(self) -> str:
        """Return the result as one line."""
        if self.code == 0:
            how = "ok"
        elif self.code < 0:
            how = f"failed, signal {-self.code}"
        else:
            how = f"failed, exit code {self.code}"
        return f"{self.where}  {how:<22}  {self.seconds:7.1f} s"


class StoppedError(Exception):
    """A signal ended the run; ``signal`` is its number."""

    def __init__(self, number: int) -> None:
        """Keep the signal's number for the exit code."""
        super().__init__(f"signal {number}")
        self.signal = number


class Runner:
    """Runs commands one after another, and forwards the signals that it receives to them.

    A command has its own session, so a Ctrl-C reaches it once, from here, and its children too. It
    has no terminal to read from: a run over many stages must not wait for a key.
    """

    def __init__(self) -> None:
        """Start with no command and no signal received."""
        self._child: subprocess.Popen[bytes] | None = None
        self._signal = 0

    @contextmanager
    def catching_signals(self) -> Iterator[None]:
        """Within the block, record and forward signals instead of being terminated by them.

        So a block that removes worktrees runs to its end. Raises StoppedError after the block if
        a signal was received.
        """
        # Signals that are ignored, as under nohup, stay ignored.
        heeded = [number for number in _STOPS if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, self._on_signal) for number in heeded}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        self.raise_if_stopped()

    def raise_if_stopped(self) -> None:
        """Raise StoppedError if a signal was received."""
        if self._signal:
            raise StoppedError(self._signal)

    def run(self, command: Sequence[str], folder: Path, stage: str) -> int:
        """Run ``command`` in ``folder`` and return its exit code, negative for a signal.

        A command that cannot be started has the exit code that a shell would return, 126 or 127.
        """
        self.raise_if_stopped()
        env = environment() | {"STAGE": stage, "PWD": str(folder)}
        try:
            self._child = subprocess.Popen(
                command, cwd=folder, env=env, stdin=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            print(f"{command[0]}: {error.strerror}", flush=True)
            return 127 if isinstance(error, FileNotFoundError) else 126
        if self._signal:
            # It arrived while the command was being started and could not be forwarded yet.
            self._pass_on(self._signal)
        try:
            return self._child.wait()
        finally:
            self._child = None

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signal = number
        self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        # The child may have ended just now.
        with suppress(ProcessLookupError, PermissionError):
            if self._child is not None and self._child.returncode is None:
                os.killpg(self._child.pid, number)


def choose(
    stages: dict[str, Stage], only: Sequence[str], first: str | None, last: str | None
) -> list[Stage]:
    """Return the stages listed in ``only``, or else those from ``first`` to ``last``.

    ``first`` defaults to 01: stage 00 has nothing to run. Raises CourseError for a stage that is
    not in ``stages``, and if no stage is left.
    """
    asked = [*only, *(number for number in (first, last) if number is not None)]
    for number in asked:
        if number not in stages:
            have = f"{min(stages)} to {max(stages)}"
            raise CourseError(f"there is no stage {number} in the chain at HEAD, which has {have}")
    if only:
        return [stage for number, stage in stages.items() if number in only]
    low, high = first or "01", last or max(stages)
    chosen = [stage for number, stage in stages.items() if low <= number <= high]
    if not chosen:
        raise CourseError(f"there is no stage from {low} to {high} in the chain at HEAD")
    return chosen


def commit_by_commit(stages: Iterable[Stage]) -> Iterator[Stage]:
    """Yield each of ``stages`` as of its first commit, then as of its second, and so on."""
    for stage in stages:
        for number in range(1, len(stage.commits) + 1):
            yield Stage(stage.number, stage.commits[:number])


def run_each(
    clone: Clone,
    stages: Iterable[Stage],
    command: Sequence[str],
    *,
    keep_going: bool = False,
    folder: Path | None = None,
) -> bool:
    """Run ``command`` at the last commit of each of ``stages``; return whether all succeeded.

    It runs at the top of a worktree, with the stage's number in the variable STAGE. Without
    ``folder`` the worktrees are temporary; with it they are ``folder/NN`` and are kept. The run
    stops at the first failure unless ``keep_going`` is set. Prints a line before each stage, and
    one per stage at the end.

    Raises StoppedError if a signal ends the run, CourseError if a worktree cannot be made.
    """
    runner = Runner()
    results: dict[Stage, Result] = {}
    stages = list(stages)
    numbers = [stage.number for stage in stages]
    where = {
        stage: f"stage {stage.number}"
        + (f"  {stage.last.short}" if numbers.count(stage.number) > 1 else "")
        for stage in stages
    }
    try:
        with runner.catching_signals():
            for stage in stages:
                runner.raise_if_stopped()
                with worktree(clone, stage, folder) as top:
                    heading = f"stage {stage.number} {title(stage.number)}".rstrip()
                    print(f"== {heading} ({stage.last.short})", flush=True)
                    begin = time.monotonic()
                    code = runner.run(command, top, stage.number)
                    seconds = time.monotonic() - begin
                results[stage] = Result(where[stage], code, seconds)
                if code != 0 and not keep_going:
                    break
    finally:
        print("==")
        for stage in stages:
            print(results.get(stage, f"{where[stage]}  not run"), flush=True)
    return all(result.code == 0 for result in results.values())


@contextmanager
def worktree(clone: Clone, stage: Stage, folder: Path | None = None) -> Iterator[Path]:
    """Yield the top of a worktree of the stage: a temporary one, or ``folder/NN``, which stays."""
    if folder is not None:
        yield _kept_worktree(clone, stage, folder / stage.number)
        return
    # Files written by a container as root may not be deletable; that must not hide the result.
    with TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as temporary:
        top = Path(temporary).resolve() / stage.number
        try:
            _add_worktree(clone, stage, top)
            yield top
        finally:
            try:
                clone.git("worktree", "remove", "--force", str(top), shielded=True)
            except CourseError:
                _remove_by_hand(clone, top)


def _remove_by_hand(clone: Clone, top: Path) -> None:
    # Without its link to the clone, the folder is not a worktree any more, and git forgets it.
    (top / ".git").unlink(missing_ok=True)
    clone.git("worktree", "prune", shielded=True)


def _kept_worktree(clone: Clone, stage: Stage, top: Path) -> Path:
    """Make ``top`` a clean worktree of the stage, keeping ignored files such as .venv."""
    top = top.resolve()
    if not top.exists():
        _add_worktree(clone, stage, top)
        _mark(clone, top).touch()
        return top
    # A user's own worktree must not be reset, so only one with the mark is reused.
    known = top in (worktree.resolve() for worktree in clone.worktrees())
    if not known or not _mark(clone, top).exists():
        raise CourseError(f"{top} is not a worktree made by `each --dir`; choose another folder")
    clone.git("checkout", "--quiet", "--force", "--detach", stage.last.id, at=top, shielded=True)
    clone.git("reset", "--quiet", "--hard", at=top, shielded=True)
    clone.git("clean", "--quiet", "-ffd", at=top, shielded=True)
    return top


def _mark(clone: Clone, top: Path) -> Path:
    return top / clone.git("rev-parse", "--git-path", "course-each", at=top).strip()


def _add_worktree(clone: Clone, stage: Stage, top: Path) -> None:
    clone.git(
        *("worktree", "add", "--quiet", "--force", "--detach", str(top), stage.last.id),
        shielded=True,
    )
