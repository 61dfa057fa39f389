"""The configuration that Nginx's linter gets, and the faults that it finds."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lint.nginx import UnknownVariable, render
from tests.stack.support import ROOT

GIXY = Path(sys.executable).with_name("gixy")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with copies of the templates and the Compose files."""
    for name in ("nginx", "compose"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("html"))
    return tmp_path


def gixy(file: Path) -> subprocess.CompletedProcess[str]:
    command = [str(GIXY), "--config", "lint/gixy.cfg", str(file)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_variables_have_the_values_of_the_compose_files(root: Path) -> None:
    main = render(root, root / "rendered")

    servers = (main.parent / "conf.d/default.conf").read_text()
    statements = re.sub(r"^\s*#.*$", "", servers, flags=re.MULTILINE)
    assert re.findall(r"\$\{[A-Z_]+\}", statements) == []
    assert "resolver 127.0.0.11 " in statements
    assert "rate=60r/m;" in statements
    assert "server api.backend:8000 " in statements


def test_a_variable_that_no_compose_file_sets_is_an_error(root: Path) -> None:
    with (root / "nginx/templates/default.conf.template").open("a") as template:
        template.write("# ${NOT_THIS} but\nlisten ${NEVER_HEARD_OF};\n")

    with pytest.raises(UnknownVariable, match="NEVER_HEARD_OF"):
        render(root, root / "rendered")


def test_a_fault_in_a_template_is_found(root: Path) -> None:
    assert gixy(render(root, root / "rendered")).returncode == 0
    template = root / "nginx/templates/default.conf.template"
    text = template.read_text()
    # Part of the client's path becomes a header of the response.
    template.write_text(text.replace("location /api/ {", "location /api/ {\nadd_header X-A $uri;"))

    found = gixy(render(root, root / "rendered"))

    assert found.returncode == 1
    assert "http_splitting" in found.stdout


def test_a_fault_in_a_snippet_is_found(root: Path) -> None:
    with (root / "nginx/snippets/api.conf").open("a") as snippet:
        snippet.write("add_header X-A $uri;\n")

    assert gixy(render(root, root / "rendered")).returncode == 1
