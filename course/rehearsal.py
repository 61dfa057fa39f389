"""Runs the guide's pages as a reader would, on a real engine, and compares the output.

The pages run in a separate clone, in order and in one shell: each page finds what the last one left
behind. Their containers use the project's real name, so none of them may exist beforehand.
"""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from .chain import group_by_stage, read_chain
from .git import Clone, CourseError, environment
from .pages import Step, matches, plain, read_page
from .shell import Shell

GUIDE = Path(__file__).parent / "guide"
_LIMIT = 300.0
_REGISTRY = ("registry-1.docker.io", 443)
# Environment variables that would change what the pages' commands do.
READERS_VARIABLES = {"ALLOWED_NETWORKS", "APP_ENV", "BIND_ADDRESS", "BUILD_TARGET", "COMPOSE_FILE"}
READERS_VARIABLES |= {
    "ALERT_WEBHOOK_URL",
    "API_CPUS",
    "API_KEYS",
    "API_MEMORY",
    "BACKUP_AT",
    "BACKUP_FOLDER",
    "BACKUP_KEEP_DAYS",
    "BACKUP_RAW_CHECKS",
    "CLIENT_REQUESTS_PER_SECOND",
    "COMPOSE_PROJECT_NAME",
    "CURL_CA_BUNDLE",
    "DB_CPUS",
    "DB_MEMORY",
    "FILE",
    "GRAFANA_PASSWORD",
    "GRAFANA_PORT",
    "HSTS_SECONDS",
    "HTTPS_PORT",
    "HTTP_PORT",
    "IMAGE",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "LOG_MAX_FILES",
    "LOG_MAX_SIZE",
    "MAIL_FROM",
    "MAKEFLAGS",
    "PORT",
    "PROBE_URLS",
    "PROMETHEUS_PORT",
    "PUBLIC_URL",
    "RATE_LIMIT_PER_MINUTE",
    "REF",
    "REPOSITORY",
    "SECRETS_FOLDER",
    "STAGEWATCH_IMAGE",
    "VENV",
    "WORKER_CPUS",
    "WORKER_MEMORY",
}


def rehearse(clone: Clone, pages: Sequence[Path], *, tree: bool, keep_going: bool) -> bool:
    """Run ``pages``, print a line for each, and return whether all matched their text.

    The stages are those of the chain at HEAD. With ``tree``, the files of the work tree, committed
    or not, are used as the newest stage. Raises CourseError if the pages cannot be run.
    """
    _refuse_leftovers(pages)
    internet = _has_internet()
    failed = False
    with TemporaryDirectory(prefix="course-guide-") as folder:
        top = _scratch_clone(clone, Path(folder).resolve() / "stagewatch", tree=tree)
        env = {
            name: value for name, value in environment().items() if name not in READERS_VARIABLES
        }
        with Shell(top, Path(folder), env) as shell, _cleaning(pages):
            for page in pages:
                begin = time.monotonic()
                steps = read_page(page)
                faults = 0
                for step in steps:
                    if step.needs_internet and not internet:
                        continue
                    fault = _try(shell, step)
                    if fault:
                        print(f"{step.place}: {fault}", flush=True)
                        faults += 1
                        if not keep_going:
                            break
                else:
                    for left in _leftovers([page]) + _changes(top):
                        print(f"{page.name}: leaves behind {left}", flush=True)
                        faults += 1
                skipped = 0 if internet else sum(step.needs_internet for step in steps)
                print(_summary(page, steps, faults, skipped, time.monotonic() - begin), flush=True)
                failed = failed or faults > 0
                if failed and not keep_going:
                    break
    return not failed


def _summary(page: Path, steps: list[Step], faults: int, skipped: int, seconds: float) -> str:
    how = f"{faults} faults" if faults else "ok"
    without = f", {skipped} need the Internet and were left out" if skipped else ""
    return f"page {page.stem}  {how}, {len(steps)} commands{without}  {seconds:7.1f} s"


def _try(shell: Shell, step: Step) -> str:
    """Run a step and return what is wrong with the result, or an empty string."""

    def enough(output: str) -> bool:
        return matches(step.expected, output, beginning=True)

    try:
        output, code = shell.run(
            step.command, seconds=_LIMIT, stop_when=enough if step.interrupted else None
        )
    except (TimeoutError, EOFError) as error:
        return f"{step.command}\n  does not end within {_LIMIT:g} s; it printed:\n{error}"
    if code != 0 and not step.may_fail and not step.interrupted:
        return f"{step.command}\n  fails with exit code {code}:\n{_indented(output)}"
    if not matches(step.expected, output, beginning=step.interrupted):
        expected = _indented("\n".join(step.expected))
        return f"{step.command}\n  should print\n{expected}\n  but prints\n{_indented(output)}"
    return ""


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in plain(text).rstrip("\n").split("\n"))


def _has_internet() -> bool:
    try:
        socket.create_connection(_REGISTRY, timeout=3).close()
    except OSError:
        # Commands that need the Internet are skipped then, and the report says how many.
        return False
    return True


def _scratch_clone(clone: Clone, top: Path, *, tree: bool) -> Path:
    """Clone the chain at HEAD into ``top``, with its tags and as main."""
    head = clone.head()
    stages = group_by_stage(read_chain(clone, head))
    _git("clone", "--quiet", "--shared", "--no-checkout", "--no-tags", str(clone.top), str(top))
    tips = {number: stage.last.id for number, stage in stages.items()}
    newest = max(stages)
    # Without a remote, only this main counts, and no command reaches outside the clone.
    _git("-C", str(top), "remote", "remove", "origin")
    _git("-C", str(top), "checkout", "--quiet", "-B", "main", tips[newest])
    if tree:
        _overlay(clone, top, newest)
        tips[newest] = "HEAD"
    for number, commit in tips.items():
        _git("-C", str(top), "tag", f"stage-{number}", commit)
    return top


def _overlay(clone: Clone, top: Path, stage: str) -> None:
    """Commit the work tree's files in the scratch clone."""
    _git("-C", str(top), "rm", "--quiet", "-r", ".")
    names = clone.git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, names.split("\0")):
        if (clone.top / name).is_file():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(clone.top / name, top / name)
    _git("-C", str(top), "add", "--all")
    who = ("-c", "user.name=guide", "-c", "user.email=guide@example.org")
    message = f"The work tree\n\nStage: {stage}"
    _git("-C", str(top), *who, "commit", "--quiet", "--allow-empty", "-m", message)


def _git(*arguments: str) -> None:
    done = subprocess.run(
        ["git", *arguments], env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise CourseError(f"git {arguments[0]}: {done.stderr.strip().splitlines()[-1]}")


def _changes(top: Path) -> list[str]:
    """Return what a page has changed in the clone without undoing it."""
    changed = Clone(top).git("status", "--porcelain").splitlines()
    return [f"a change: {line[3:]}" for line in changed]


def _names(pages: Sequence[Path], pattern: str) -> set[str]:
    found = re.compile(pattern)
    return {
        name for page in pages for step in read_page(page) for name in found.findall(step.command)
    }


def _containers(pages: Sequence[Path]) -> set[str]:
    return _names(pages, r"docker (?:run|create)\b[^|;\n]*? --name[ =]([\w-]+)")


def _networks(pages: Sequence[Path]) -> set[str]:
    return _names(pages, r"docker network create ([\w-]+)")


def _leftovers(pages: Sequence[Path]) -> list[str]:
    """Return existing containers and networks of the pages and of the project."""
    project = ("--filter", "label=com.docker.compose.project=stagewatch")
    containers = set(_docker("ps", "--all", "--format", "{{.Names}}"))
    networks = set(_docker("network", "ls", "--format", "{{.Name}}"))
    return [
        *(f"the container {name}" for name in sorted(containers & _containers(pages))),
        *(f"the container {n}" for n in _docker("ps", "-a", "--format", "{{.Names}}", *project)),
        *(f"the network {name}" for name in sorted(networks & _networks(pages))),
    ]


def _refuse_leftovers(pages: Sequence[Path]) -> None:
    project = ("--filter", "label=com.docker.compose.project=stagewatch")
    volumes = _docker("volume", "ls", "--format", "{{.Name}}", *project)
    there = _leftovers(pages) + [f"the volume {name}" for name in volumes]
    if there:
        raise CourseError(f"the pages would run into {there[0]}; remove it first")


@contextmanager
def _cleaning(pages: Sequence[Path]) -> Iterator[None]:
    """After the block, remove what the pages may have left, by the names they use."""
    try:
        yield
    finally:
        for name in sorted(_containers(pages)):
            _docker("rm", "--force", "--volumes", name, check=False)
        _docker(
            *("compose", "--project-name", "stagewatch", "down", "--volumes", "--remove-orphans"),
            check=False,
        )
        for name in sorted(_networks(pages)):
            _docker("network", "rm", name, check=False)


def _docker(*arguments: str, check: bool = True) -> list[str]:
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CourseError("docker is not installed, or not on the PATH") from error
    if check and done.returncode != 0:
        raise CourseError(f"docker {arguments[0]}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.splitlines()
