"""Plain values as YAML that people read and programs read alike.

A text that some reader of YAML would take for a number, a truth or a date is quoted: not only by
our reading, but by YAML 1.1's and 1.2's.
"""

import re
from typing import Any

import yaml

_DUMPER: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_DUMPER):  # type: ignore[misc]  # one of two, by what is installed
    """PyYAML's, which knows 1.1 alone."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Write what is there twice twice."""
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
