"""Read YAML as plain values that know their lines.

They are built from the parser's events, without PyYAML's composer and constructors: no objects of
other classes can be created, deep nesting causes no recursion, and aliases are shared and counted,
so that a few lines can't grow to millions. Plain words are read by YAML 1.2's core schema ("no" is
a text, and 12:30 is not a number).
"""

import re
from collections.abc import Callable, Hashable
from typing import Any

import yaml

from app.config_file.faults import BadFileError, Fault

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 16
MAX_VALUES = 5_000_000
"""The most keys and values with aliases expanded. 50,000 monitors have about a million."""

REFERENCE = "!secret"
MAX_DIGITS = 400
"""The most digits in a number: the largest float has 309."""

# The C parser, which the wheels include; otherwise the one in Python, ten times as slow.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_WORDS = {"": None, "~": None} | {
    spelling: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for spelling in (word, word.capitalize(), word.upper())
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_OTHER_INTEGER = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII
)
_FLOAT_WORD = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


Secret = Callable[[str], str]


class Map(dict[str, Any]):
    """A mapping with the lines of its keys."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[Hashable, int] = {}


class Seq(list[Any]):
    """A sequence with the lines of its values."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


def read_yaml(text: str, secret: Secret | None = None) -> tuple[Any, list[Fault]]:
    """Return the value of a YAML document: Map, Seq, str, int, float, bool or None.

    Also return the faults after which reading could continue. Raises BadFileError for others.
    `secret` returns the value of `!secret NAME`, or raises ValueError; without it, that is a fault.
    """
    builder = _Builder(secret)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        detail = " ".join(part for part in (error.context, error.problem) if part)
        builder.fault(mark.line + 1 if mark else 1, f"this is not YAML: {detail}")
        raise BadFileError(builder.faults) from None
    except yaml.YAMLError as error:
        # A character that YAML does not allow; the message names it, over several lines.
        builder.fault(1, f"this is not YAML: {' '.join(str(error).split())}")
        raise BadFileError(builder.faults) from None
    return builder.value, builder.faults


def plain(text: str) -> Any:
    """Return the value of an unquoted word."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-.":
        return text
    if len(text) > MAX_DIGITS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OTHER_INTEGER.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _FLOAT_WORD.fullmatch(text):
        return float(text.replace(".", "") if match[1] is not None else "nan")
    return text


class _Open:
    """A collection whose end has not been read."""

    __slots__ = ("anchor", "container", "key", "key_line", "merged", "size")

    def __init__(self, container: Map | Seq, anchor: str | None) -> None:
        self.container = container
        self.anchor = anchor
        self.key: str | None = None
        self.key_line = 0
        self.merged: list[Map] = []
        self.size = 1


class _Builder:
    """Builds a value from the parser's events, taken in order."""

    def __init__(self, secret: Secret | None) -> None:
        self._secret = secret
        self.value: Any = None
        self.faults: list[Fault] = []
        self._open: list[_Open] = []
        # Each with the number of values that it stands for.
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0
        self._documents = 0

    def fault(self, line: int, detail: str, field: str = "") -> None:
        self.faults.append(Fault(line, field, detail))

    def take(self, event: yaml.Event) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._begin(event)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._end()
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self._documents += 1
            if self._documents == 2:
                self._stop(event, "a second document begins; a file can only have one")

    def _scalar(self, event: Any) -> None:
        line = event.start_mark.line + 1
        top = self._open[-1] if self._open else None
        is_key = top is not None and top.key is None and isinstance(top.container, Map)
        if event.tag is not None and event.tag not in ("!", REFERENCE):
            self.fault(line, f"YAML tags are not supported: {event.tag}", self._path())
        # A key keeps its text, so that a header may be named 1 or Null.
        is_plain = event.implicit[0] and event.tag is None
        value = plain(event.value) if is_plain and not is_key else event.value
        if event.tag == REFERENCE:
            value = self._secret_value(event.value, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        self._put(value, line, 1)

    def _secret_value(self, name: str, line: int) -> str:
        if self._secret is None:
            self.fault(line, f"{REFERENCE} is for the command line only", self._path())
            return name
        try:
            return self._secret(name)
        except ValueError as error:
            self.fault(line, str(error), self._path())
            return name

    def _begin(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if self._open:
            top = self._open[-1]
            if top.key is None and isinstance(top.container, Map):
                self._stop(event, "a key must be a string")
        if event.tag is not None:
            self.fault(line, f"YAML tags are not supported: {event.tag}", self._path())
        if len(self._open) == MAX_DEPTH:
            self._stop(event, f"nested more than {MAX_DEPTH} deep")
        container = Map(line) if type(event) is yaml.MappingStartEvent else Seq(line)
        self._open.append(_Open(container, event.anchor))

    def _end(self) -> None:
        ended = self._open.pop()
        container = ended.container
        if isinstance(container, Map):
            for merged in ended.merged:
                for key in merged.keys() - container.keys():
                    container[key] = merged[key]
                    container.lines[key] = merged.lines[key]
        if ended.anchor is not None:
            self._anchors[ended.anchor] = (container, ended.size)
        # Its values have already been counted one by one.
        self._put(container, container.line, ended.size, counted=True)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            # An anchor is known only once its value has ended, so nothing can contain itself.
            self._stop(event, f"*{event.anchor} refers to no anchor that has ended before it")
        value, size = self._anchors[event.anchor]
        self._put(value, event.start_mark.line + 1, size)

    def _put(self, value: Any, line: int, size: int, *, counted: bool = False) -> None:
        if not counted:
            self._values += size
            if self._values > MAX_VALUES:
                raise BadFileError([Fault(line, "", f"it has more than {MAX_VALUES} values")])
        if not self._open:
            self.value = value
            return
        top = self._open[-1]
        top.size += size
        container = top.container
        if isinstance(container, Seq):
            container.append(value)
            container.lines.append(line)
        elif top.key is None:
            self._key(top, value, line)
        else:
            key, top.key = top.key, None
            if key == "<<":
                self._merge(top, value, line)
            else:
                container[key] = value
                container.lines[key] = top.key_line

    def _key(self, top: _Open, key: Any, line: int) -> None:
        if not isinstance(key, str):
            raise BadFileError([*self.faults, Fault(line, self._path(), "a key must be a string")])
        top.key, top.key_line = key, line
        if key in top.container.lines and isinstance(top.container, Map):
            first = top.container.lines[key]
            self.fault(line, f"this key is already in line {first}", self._path())

    def _merge(self, top: _Open, value: Any, line: int) -> None:
        merged = value if isinstance(value, Seq) else [value]
        if all(isinstance(one, Map) for one in merged):
            top.merged.extend(merged)
        else:
            self.fault(line, "<< only merges mappings", self._path())

    def _path(self) -> str:
        """Return the path of the field that is being read."""
        parts: list[str] = []
        for one in self._open:
            if isinstance(one.container, Seq):
                parts.append(str(len(one.container)))
            elif one.key is not None:
                parts.append(one.key)
        return ".".join(parts)

    def _stop(self, event: Any, detail: str) -> None:
        fault = Fault(event.start_mark.line + 1, self._path(), detail)
        raise BadFileError([*self.faults, fault])
