"""Measures each stage in its own tree: its image, how long it takes to build, and its stack.

Each stage is a separate Compose project, on a free port, with its own volumes. Whatever it creates
is removed afterwards. Third-party images, such as PostgreSQL's, and the base image are pulled
before the clock starts and are kept.
"""

import os
import subprocess
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from .chain import Stage
from .each import worktree
from .figures import Figures, base_of, table, used_memory, with_own_caches
from .git import Clone, CourseError, environment
from .rehearsal import READERS_VARIABLES

# Docker's health checks start a second apart; the stack is idle some time after the last one.
_SETTLING = 15.0
_LIMIT = 900.0
# Identifies the images of a run, including those that lost their name to a later image.
_LABEL = "stagewatch.measure"


def measure(clone: Clone, stages: Iterable[Stage]) -> list[Figures]:
    """Measure ``stages``, one after another; print a line for each, whether done or failed."""
    rows = []
    for stage in stages:
        with worktree(clone, stage) as top:
            row = measure_tree(top, stage.number)
        print(f"stage {stage.number}  {row.fault or 'measured'}", flush=True)
        rows.append(row)
    return rows


def report(rows: Iterable[Figures]) -> list[str]:
    """Return the table, and a sentence about where and how it was measured."""
    template = "{{.ServerVersion}}|{{.NCPU}}|{{.Architecture}}|{{.MemTotal}}|{{.OperatingSystem}}"
    engine, cores, architecture, memory, system = (
        _docker("info", "--format", template).strip().split("|")
    )
    day = time.strftime("%Y-%m-%d", time.gmtime())
    where = (
        f"`python3 -m course measure` on {day}, Docker {engine}, {system}, {cores} cores"
        f" ({architecture}), {int(memory) / 2**30:.0f} GiB of memory"
    )
    return ["", f"{where}:", "", *table(rows), ""]


def measure_tree(top: Path, stage: str) -> Figures:
    """Return the figures of the stage whose tree is at ``top``; this may modify the tree."""
    # With this process's number: whoever started it can tell what is its own.
    project = f"stagewatch-measure-{stage}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    rows = [Figures(stage)]
    with _cleaning(top, stage, project):
        try:
            rows.extend(_steps(top, stage, project))
        except (CourseError, OSError, ValueError, subprocess.TimeoutExpired) as error:
            # The figures yielded before the failure are in the list.
            rows.append(replace(rows[-1], fault=str(error)))
    return rows[-1]


def _steps(top: Path, stage: str, project: str) -> Iterator[Figures]:
    """Yield the figures, more complete each time."""
    image = f"{project}:stage-{stage}"
    dockerfile = top / "Dockerfile"
    text = dockerfile.read_text(encoding="utf-8")
    base = base_of(text)
    dockerfile.write_text(with_own_caches(text, project), encoding="utf-8")
    if not _docker("image", "ls", "--quiet", base).strip():
        _docker("pull", "--quiet", base)

    build = ("build", "--quiet", "--label", f"{_LABEL}={project}", "--tag", image)
    cold = _timed(*build, "--no-cache", str(top))
    row = replace(_image(Figures(stage), image, base), cold=cold)
    yield row

    program = _program(top)
    with program.open("a", encoding="utf-8") as file:
        file.write("\n# A change.\n")
    row = replace(row, rebuild=_timed(*build, str(top)))
    yield row

    # A stage without dependencies has a script that ends, so there is nothing to wait for.
    if (top / "requirements.lock").exists():
        compose = _compose(top, stage)
        env = _variables(project)
        _docker(*compose, "pull", "--quiet", "--policy", "missing", "--ignore-buildable", env=env)
        up = ("up", "--detach", "--wait", "--quiet-pull")
        row = replace(row, healthy=_timed(*compose, *up, env=env))
        yield row
        time.sleep(_SETTLING)
        containers = _docker(*compose, "ps", "--quiet", env=env).split()
        stats = _docker("stats", "--no-stream", "--format", "{{.MemUsage}}", *containers)
        yield replace(row, memory=used_memory(stats))


def _image(row: Figures, image: str, base: str) -> Figures:
    sizes = [
        [int(number) for number in line.split()]
        for line in _docker(
            "image", "inspect", "--format", "{{.Size}} {{len .RootFS.Layers}}", image, base
        ).splitlines()
    ]
    (size, layers), (base_size, base_layers) = sizes
    return replace(row, size=size, over_base=size - base_size, layers=layers - base_layers)


def _program(top: Path) -> Path:
    """Return the source file that is changed: the same one in successive stages."""
    names = ("app/home.py", "app/__main__.py", "app/probe.py")
    return next(top / name for name in names if (top / name).exists())


def _compose(top: Path, stage: str) -> tuple[str, ...]:
    files = ("--file", f"{top}/compose/base.yml", "--file", f"{top}/compose/{stage}.yml")
    return ("compose", *files)


def _variables(project: str) -> dict[str, str]:
    env = {name: value for name, value in environment().items() if name not in READERS_VARIABLES}
    return env | {"COMPOSE_PROJECT_NAME": project, "HTTP_PORT": "0"}


@contextmanager
def _cleaning(top: Path, stage: str, project: str) -> Iterator[None]:
    try:
        yield
    finally:
        _docker(
            *(*_compose(top, stage), "down", "--volumes", "--remove-orphans", "--timeout", "5"),
            env=_variables(project),
            check=False,
        )
        mark = f"label={_LABEL}={project}"
        _docker("image", "prune", "--all", "--force", "--filter", mark, check=False)
        _docker("builder", "prune", "--force", "--filter", f"description~={project}", check=False)


def _timed(*arguments: str, env: dict[str, str] | None = None) -> float:
    begin = time.monotonic()
    _docker(*arguments, env=env)
    return time.monotonic() - begin


def _docker(*arguments: str, env: dict[str, str] | None = None, check: bool = True) -> str:
    """Return the output of a docker command. Raises CourseError with its last line."""
    try:
        done = subprocess.run(
            ["docker", *arguments],
            env=dict(os.environ) if env is None else env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
    except FileNotFoundError as error:
        raise CourseError("docker is not installed, or not on the PATH") from error
    if check and done.returncode != 0:
        last = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise CourseError(f"docker {arguments[0]}: {last}")
    return done.stdout
