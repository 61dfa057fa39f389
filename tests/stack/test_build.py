"""Stage 09: a multi-stage image that contains only what is run."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.support import ROOT, Stack, built_image, docker
from tests.stack.test_compose import copy

TOOLS = ("uv", "strip", "ld", "gcc", "cc", "make", "git", "curl")

IMPORT_ALL = """
import importlib, pkgutil
import app, worker
for package in (app, worker):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
import celery.bin.celery, alembic.command, sqlalchemy.dialects.postgresql.asyncpg
from apprise.plugins import N_MGR
N_MGR.load_modules()
print(len(N_MGR.schemas()))
"""

# A package in the image fails, called by code of ours.
FAIL = "from app.database import Database; Database('no://')"

# Of each source: its bytecode is there and made from the source with that time and size, so the
# interpreter takes it. See the reference of py_compile for the header.
FIND_STALE = """
import importlib.util, pathlib, struct, sys
for top in sys.argv[1:]:
    for source in pathlib.Path(top).rglob("*.py"):
        cached = pathlib.Path(importlib.util.cache_from_source(str(source)))
        try:
            flags, time, size = struct.unpack("<4xIII", cached.read_bytes()[:16])
        except OSError:
            print("none", source)
            continue
        about = source.stat()
        if flags == 0 and (time, size) != (int(about.st_mtime), about.st_size):
            print("stale", source)
"""


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    with built_image("stagewatch") as tag:
        yield tag


def run(image: str, *command: str) -> str:
    """Run a command in a container that can neither write nor call anybody; see what it prints."""
    return docker("run", "--rm", "--read-only", "--network", "none", image, *command)


def layers(image: str) -> list[str]:
    """Return the digests of an image's layers, the base's first."""
    found: list[str] = json.loads(
        docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", image)
    )
    return found


def test_the_tools_of_the_builder_stay_there(image: str) -> None:
    found = run(image, "sh", "-c", f"command -v {' '.join(TOOLS)}; true").split()

    assert found == []


def test_the_environment_holds_no_tests_and_no_sources_of_compiled_code(image: str) -> None:
    names = " -o ".join(f"-name '{name}'" for name in ("tests", "testing", "*.c", "*.pyx", "*.po"))

    assert run(image, "sh", "-c", f"find /opt/venv {names}") == ""


def test_it_adds_at_most_60_mb_to_its_base(image: str) -> None:
    base = next(line.split()[1] for line in read("Dockerfile").splitlines() if line[:5] == "FROM ")
    if not docker("image", "ls", "--quiet", base).strip():
        docker("pull", "--quiet", base)

    sizes = docker("image", "inspect", "--format", "{{.Size}}", image, base).split()

    assert layers(image)[: len(layers(base))] == layers(base), "not built on this base"
    assert int(sizes[0]) - int(sizes[1]) <= 60_000_000


def test_celery_commands_run_although_its_shell_is_not_installed(image: str) -> None:
    listed = run(image, "sh", "-c", "ls /opt/venv/lib/python*/site-packages")
    assert not {"prompt_toolkit", "wcwidth", "click_repl"} & set(listed.split())

    for command in ("worker", "beat", "inspect", "amqp"):
        assert "Usage: celery" in run(image, "celery", command, "--help")


def test_no_cache_is_in_a_layer(image: str) -> None:
    listed = docker("run", "--rm", "--user", "0", image, "find", "/root", "/srv", "/var/cache/apt",
        "/var/lib/apt/lists", "-type", "f", "-size", "+64k")  # fmt: skip  # as in a shell

    assert listed == ""


def test_licences_stay(image: str) -> None:
    listed = run(image, "sh", "-c", "ls -d /opt/venv/lib/python*/site-packages/*.dist-info")

    assert len(listed.split()) > 40


def test_all_modules_of_the_program_and_all_of_apprise_can_be_imported(image: str) -> None:
    assert int(run(image, "python", "-W", "error::ImportWarning", "-c", IMPORT_ALL)) > 100


def test_every_module_has_bytecode_that_is_valid(image: str) -> None:
    assert run(image, "python", "-c", FIND_STALE, "/opt/venv/lib", "/srv").splitlines() == []


def test_only_packages_that_read_their_source_files_keep_them(image: str) -> None:
    script = "cd /opt/venv/lib/python*/site-packages && find . -name '*.py' | cut -d/ -f2 | sort -u"

    assert run(image, "sh", "-c", script).split() == ["anyio", "apprise"]


def test_anyio_imports_modules_only_on_demand(image: str) -> None:
    # It finds its modules by reading its source, and would otherwise import all of them.
    command = "import sys, anyio; print('anyio._core._sockets' in sys.modules)"

    assert run(image, "python", "-c", command).strip() == "False"


def test_a_traceback_quotes_our_code_and_names_the_line_of_a_package(image: str) -> None:
    shown = docker("run", "--rm", "--network", "none", image, "python", "-c", FAIL, check=False)

    ours = (
        r'File "/srv/app/database.py", line \d+, in __init__\n    self.engine = create_async_engine'
    )
    assert re.search(ours, shown), shown
    packages = r'File "/opt/venv/.*/sqlalchemy/engine/create.py", line \d+, in create_engine\n'
    assert re.search(packages, shown), shown


def test_the_program_can_change_neither_its_packages_nor_itself(image: str) -> None:
    places = "/opt/venv /opt/venv/bin /opt/venv/lib/python*/site-packages /srv /srv/app /srv/worker"

    writable = docker(
        "run", "--rm", image, "sh", "-c", f"for p in {places}; do test -w $p && echo $p; done; true"
    )

    assert writable == ""


def test_the_user_is_a_number_as_kubernetes_wants_it(image: str) -> None:
    template = "{{.Config.User}}"

    assert docker("image", "inspect", "--format", template, image).strip() == "10001:10001"


def test_the_image_has_labels_for_its_title_and_base(image: str) -> None:
    labels = json.loads(docker("image", "inspect", "--format", "{{json .Config.Labels}}", image))

    assert labels["org.opencontainers.image.title"] == "stagewatch"
    base = labels["org.opencontainers.image.base.name"]
    assert f"FROM {base.removeprefix('docker.io/library/')} AS base" in read("Dockerfile")


def test_uv_installs_the_lock_file_that_it_wrote() -> None:
    groups = tomllib.loads(read("pyproject.toml"))["dependency-groups"]
    [pin] = (line for line in groups["dev"] if line.startswith("uv=="))

    assert f"pip install {pin}\n" in read("Dockerfile")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_apt_keeps_what_it_downloads_in_the_cache_mount(tmp_path: Path) -> None:
    install = re.search(
        r"RUN --mount=[^\n]*/apt.*?apt-get install.*?\n(?=\n)", read("Dockerfile"), re.DOTALL
    )
    assert install
    mount = "--mount=type=cache,target=/var/cache/apt,sharing=locked"
    cache = mount.replace("target=", "id=test-apt,target=")
    (tmp_path / "Dockerfile").write_text(f"""\
FROM python:3.14-slim
RUN {cache} rm -f /var/cache/apt/archives/*.deb
{install[0].replace(mount, cache)}
RUN {cache} ls /var/cache/apt/archives | sed 's/^/kept: /'
""")

    log = docker(
        "build",
        "--progress=plain",
        "--no-cache",
        "--output=type=cacheonly",
        str(tmp_path),
        timeout=300,
    )

    assert "kept: binutils_" in log


def test_a_change_of_code_makes_one_new_layer(tmp_path: Path) -> None:
    copy(tmp_path)
    with built_image("stagewatch", tmp_path) as before:
        home = tmp_path / "app/home.py"
        home.write_text(home.read_text() + "# changed\n")
        with built_image("stagewatch", tmp_path) as after:
            assert layers(before)[:-1] == layers(after)[:-1]
            assert layers(before)[-1] != layers(after)[-1]


def test_only_the_name_of_the_image_differs_from_the_stack_of_stage_08() -> None:
    before, after = (
        docker(
            "compose", "-f", f"{ROOT}/compose/base.yml", "-f", f"{ROOT}/compose/{n}.yml", "config"
        )
        for n in ("08", "09")
    )

    assert after == before.replace(":stage-08", ":stage-09")


def test_four_services_run_one_image() -> None:
    with Stack() as stack:
        ids = {
            docker("inspect", "--format", "{{.Image}}", container).strip()
            for service in ("api", "worker", "beat", "migrate")
            for container in stack.containers(service)
        }

        assert len(ids) == 1
