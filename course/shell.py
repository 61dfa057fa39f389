"""A bash that receives commands one after another, as if a user typed them."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Shell:
    """One bash for many commands: variables, exports and aliases persist from one to the next.

    Its output is not a terminal, so programs neither colour nor redraw their output, and it has no
    input, so nothing waits for a key.
    """

    def __init__(self, folder: Path, scratch: Path, env: Mapping[str, str]) -> None:
        """Start bash in ``folder``; ``scratch`` is a folder for the file that it reads from."""
        self._file = scratch / "command"
        self._code = 0
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C at the terminal is for this process; one sent from here is for the command.
            start_new_session=True,
            # A background process ignores Ctrl-C, which bash would inherit and can't undo.
            preexec_fn=_heed_interrupts,  # noqa: PLW1509  (there are no threads)
        )
        # Bash survives the Ctrl-C that ends its commands.
        self._type("shopt -s expand_aliases; trap : INT")

    def __enter__(self) -> Self:
        """Return the shell, which is ended after the block along with everything it started."""
        return self

    def __exit__(self, *_: object) -> None:
        """End bash and its background commands."""
        # A command may have ended bash: `exit`.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def run(
        self, command: str, *, seconds: float, stop_when: Callable[[str], bool] | None = None
    ) -> tuple[str, int]:
        """Run a command and return what it printed, both streams, and its exit code.

        The command is interrupted, as by Ctrl-C, once ``stop_when`` returns true for its output.
        Raises TimeoutError, with the output so far, if it has not ended within ``seconds``.
        """
        # A file, so that bash reads the command unchanged, and $? is what the reader expects.
        self._file.write_text(f"(exit {self._code})\n{command}\n", encoding="utf-8")
        mark = f"== {os.urandom(8).hex()} "
        self._type(f". '{self._file}' </dev/null; printf '{mark}%s\\n' $?")
        output, self._code = self._read(mark, time.monotonic() + seconds, stop_when)
        return output, self._code

    def _type(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def _read(
        self, mark: str, deadline: float, stop_when: Callable[[str], bool] | None
    ) -> tuple[str, int]:
        assert self._process.stdout is not None
        source = self._process.stdout.fileno()
        collected = b""
        interrupted = False
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(collected.decode(errors="replace"))
            if not select.select([source], [], [], min(left, 0.5))[0]:
                if interrupted:
                    # The signal arrived before the program had started, so it is sent again.
                    os.killpg(self._process.pid, signal.SIGINT)
                continue
            received = os.read(source, 65536)
            collected += received
            output = collected.decode(errors="replace")
            before, found, after = output.rpartition(mark)
            if found and after.endswith("\n"):
                return before, int(after)
            if not received:
                raise EOFError(output)
            if stop_when is not None and stop_when(output):
                os.killpg(self._process.pid, signal.SIGINT)
                stop_when, interrupted = None, True
