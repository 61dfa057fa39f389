"""Writes Nginx's configuration as it is in the container: ``python -m lint.nginx DIR``.

The image's entry point fills the container's environment into the templates. Here the values are
those of the Compose files, or their defaults there.
"""

import re
import shutil
import sys
from pathlib import Path

# Not in comments, which may contain names that are not variables.
_VARIABLE = re.compile(r"^\s*#.*$|\$\{([A-Z][A-Z_]*)\}", re.MULTILINE)
_OURS = re.compile(r"/etc/nginx/(conf\.d|snippets)/")


class UnknownVariable(LookupError):
    """A template names a variable that no Compose file sets."""


def render(root: Path, folder: Path) -> Path:
    """Write the configuration into `folder`; return the file that includes all others.

    Raises UnknownVariable.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(root / "nginx", folder, ignore=shutil.ignore_patterns("html"))
    compose = [file.read_text() for file in sorted((root / "compose").glob("*.yml"), reverse=True)]
    servers = folder / "conf.d"
    servers.mkdir()
    for template in (folder / "templates").glob("*.template"):
        text = _VARIABLE.sub(
            lambda match: _value(match[1], compose) if match[1] else match[0], template.read_text()
        )
        (servers / template.stem).write_text(text)
    # A linter looks for included files on this machine.
    for file in (*folder.glob("*.conf"), *servers.iterdir(), *(folder / "snippets").iterdir()):
        ours = _OURS.sub(rf"{folder.resolve()}/\1/", file.read_text())
        file.write_text(ours.replace("include /etc/nginx/mime.types;", ""))
    return folder / "nginx.conf"


def _value(name: str, compose: list[str]) -> str:
    """Return the variable's value, or its default, in the newest Compose file that sets it."""
    line = re.compile(rf"^ +{name}: (?:&\S+ )?\"?(?:\$\{{{name}:-(.*)\}}|([^\s\"]+))", re.MULTILINE)
    for text in compose:
        if match := line.search(text):
            return match[1] if match[1] is not None else match[2]
    raise UnknownVariable(f"no Compose file sets {name}, which a template of Nginx's names")


if __name__ == "__main__":
    render(Path(), Path(sys.argv[1]))
