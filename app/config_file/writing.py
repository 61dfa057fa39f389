"""Write plain values as YAML that all readers understand in the same way.

A text that a YAML reader could take for a number, a boolean or a date is quoted, under the rules of
YAML 1.1 and 1.2 as well as our own.
"""

import re
from typing import Any

import yaml

_DUMPER: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_DUMPER):  # type: ignore[misc]  # one of two, by what is installed
    """PyYAML's dumper, which knows only YAML 1.1, with the rules added below."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Write repeated values in full instead of as aliases."""
        return True


def _text(dumper: Any, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    node: yaml.ScalarNode = dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
    return node


_Dumper.add_representer(str, _text)
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"[-+]?[0-9][0-9_]*|0o[0-7]*|0x[0-9a-fA-F]*"
        r"|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    ),
    list("-+.0123456789"),
)


def write_yaml(value: Any) -> str:
    """Return a YAML document. Mappings keep their order."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000, indent=2
    )
    return text
