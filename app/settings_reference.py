"""Generate docs/configuration.md from the definitions of the settings: `make docs`.

A table maintained by hand is soon out of date. A test compares the page with the generated text.
"""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "configuration.md"
EXAMPLE = ROOT / "compose" / ".env.example"

_HEAD = """\
# Configuration

Generated from app/settings.py and compose/.env.example by `make docs`; make changes there.

Monitors, channels and maintenance windows are not settings: they are stored in the database, and
can be managed with a [file](config-file.md).

## Settings of the program

The API, the workers and beat read these when they start: from the environment, or from a file in
/run/secrets that has the variable's name in lower case. The environment wins. With an invalid value
a program does not start, and reports the variable. Lists are separated by commas.

"""

_COMPOSE = """
## Variables of Docker Compose

`compose/.env`, a copy of `compose/.env.example`, or the environment in which `docker compose` runs.
Each service gets the variables that it needs; a setting of the program that is not in this table
goes into the `environment` of the service, in your own file after `-f compose/NN.yml`.

"""

_TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "truth"}


def page() -> str:
    """Return the page."""
    rows = [["Variable", "Value", "Default", "Meaning"], *_settings()]
    others = [["Variable", "Default", "Meaning"], *_variables(EXAMPLE.read_text("utf-8"))]
    return _HEAD + _table(rows) + _COMPOSE + _table(others)


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")


def _settings() -> Iterator[list[str]]:
    described = docstrings(Settings)
    properties = Settings.model_json_schema()["properties"]
    for name in sorted(properties):
        schema = properties[name]
        # Docstrings write "None" for a variable that is not set.
        meaning = described[name].replace("None:", "Not set:")
        default = Settings.model_fields[name].get_default(call_default_factory=True)
        yield [f"`{name.upper()}`", _value(schema), _default(default), meaning]


def docstrings(model: type[Any]) -> dict[str, str]:
    """Return the docstring below each field of a class, as one line."""
    [body] = ast.parse(inspect.getsource(model)).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            found[field.target.id] = " ".join(str(below.value.value).split())
    return found


def _value(schema: dict[str, Any]) -> str:
    """Return the values a variable may have, from the JSON schema of its field."""
    if "anyOf" in schema:
        values = [_value(one) for one in schema["anyOf"] if one != {"type": "null"}]
        return " or ".join(dict.fromkeys(values))
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {_value(schema['items'])}s"
    if "format" in schema:
        return {"password": "secret", "path": "folder"}.get(schema["format"], "network")
    if schema["type"] == "boolean":
        return "`true` or `false`"
    low, high = schema.get("minimum"), schema.get("maximum")
    limits = f" from {low} to {high}" if None not in (low, high) else ""
    if low is not None and high is None:
        limits = f" from {low} on"
    return _TYPES[schema["type"]] + limits


def _default(value: Any) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _variables(example: str) -> Iterator[list[str]]:
    """Return the variables of an .env file; those below the same comment share a row."""
    # The first paragraph is about the file.
    for paragraph in example.split("\n\n")[1:]:
        lines = [line for line in paragraph.splitlines() if line]
        comment = [line.removeprefix("#").strip() for line in lines if line.startswith("#")]
        pairs = [line.partition("=") for line in lines if not line.startswith("#")]
        names = "<br>".join(f"`{name}`" for name, _, _ in pairs)
        defaults = "<br>".join(f"`{value}`" if value else "" for _, _, value in pairs)
        yield [names, defaults, " ".join(comment)]


def _table(rows: list[list[str]]) -> str:
    head, *body = (f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows)
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body, ""])


if __name__ == "__main__":
    main()
