"""The content of a configuration file, validated with the API's schemas."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeVar, cast

from pydantic import BaseModel, ValidationError

from app.channels.schemas import ChannelIn
from app.config_file.faults import BadFileError, Fault
from app.config_file.reading import MAX_BYTES, Map, Secret, Seq, read_yaml
from app.config_file.schemas import KIND_MODELS, ChannelExtra, MonitorExtra, WindowExtra
from app.maintenance.schemas import WindowIn
from app.monitors.schemas import MonitorIn
from app.probing.headers import MASK

VERSION = 1
SECTIONS = ("channels", "monitors", "maintenance")

Model = TypeVar("Model", bound=BaseModel)


class Place(NamedTuple):
    """The position of an entry: its field, such as "monitors.3", and its lines."""

    field: str
    values: Map

    def fault(self, detail: str, *path: str | int) -> Fault:
        """Return a fault in a part of the entry, or in all of it."""
        line: int = self.values.line
        value: Any = self.values
        for part in path:
            if not (part in value if isinstance(value, Map) else isinstance(value, Seq)):
                break
            line, value = value.lines[part], value[part]
        return Fault(line, ".".join([self.field, *map(str, path)]), detail)


class MonitorEntry(NamedTuple):
    """A monitor in the file. `config` has no channels yet: the file has names, not numbers."""

    config: MonitorIn
    extra: MonitorExtra
    place: Place


class ChannelEntry(NamedTuple):
    """A channel in the file. `keeps_secret`: the stored secret, or URL, is kept."""

    config: ChannelIn
    extra: ChannelExtra
    keeps_secret: bool
    place: Place


class WindowEntry(NamedTuple):
    """A maintenance window in the file. `config.monitors` shows only whether it names any."""

    config: WindowIn
    extra: WindowExtra
    place: Place


class Document(NamedTuple):
    """A file. A section that it lacks, and so leaves unchanged, is None."""

    channels: list[ChannelEntry] | None
    monitors: list[MonitorEntry] | None
    windows: list[WindowEntry] | None


def read_document(data: bytes, secret: Secret | None = None) -> Document:
    """Return the content of a file. Raises BadFileError with all its faults.

    `secret` as in app.config_file.reading.
    """
    if len(data) > MAX_BYTES:
        raise BadFileError([Fault(1, "", f"it is longer than {MAX_BYTES} bytes")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadFileError([Fault(line, "", "it is not in UTF-8")]) from None
    value, faults = read_yaml(text, secret)
    return _Reading(faults).document(value)


class _Reading:
    """Collects faults instead of stopping at the first."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults

    def document(self, value: Any) -> Document:
        if not isinstance(value, Map):
            detail = f"it must be a mapping that begins with version: {VERSION}"
            raise BadFileError([Fault(1, "", detail)])
        self._top(value)
        channels = self._section(value, "channels", self._channel)
        monitors = self._section(value, "monitors", self._monitor)
        windows = self._section(value, "maintenance", self._window)
        if self.faults:
            raise BadFileError(self.faults)
        return Document(channels, monitors, windows)

    def _top(self, top: Map) -> None:
        if "version" not in top:
            self.faults.append(Fault(top.line, "version", f"it is missing; it must be {VERSION}"))
        elif top["version"] != VERSION or top["version"] is True:
            detail = f"this version of Stagewatch reads {VERSION}"
            self.faults.append(Fault(top.lines["version"], "version", detail))
        known = ("version", *SECTIONS)
        for key in top:
            # x- keys hold values that are only used through aliases, as in Compose files.
            if key not in known and not key.startswith("x-"):
                self.faults.append(Fault(top.lines[key], key, unknown(key, known)))

    def _section(self, top: Map, name: str, read: Any) -> Any:
        if name not in top:
            return None
        section = top[name]
        if not isinstance(section, Seq):
            self.faults.append(
                Fault(top.lines[name], name, "it must be a list; [] is an empty one")
            )
            return None
        places = []
        for number, values in enumerate(section):
            if isinstance(values, Map):
                places.append(Place(f"{name}.{number}", values))
            else:
                fault = Fault(section.lines[number], f"{name}.{number}", "it must be a mapping")
                self.faults.append(fault)
        self._distinct(places)
        return [entry for place in places if (entry := read(place)) is not None]

    def _monitor(self, place: Place) -> MonitorEntry | None:
        values = dict(place.values)
        kind = values.get("kind")
        model = KIND_MODELS.get(kind) if isinstance(kind, str) else None
        if model is None:
            detail = f"it must be one of {', '.join(sorted(KIND_MODELS))}"
            self.faults.append(place.fault(detail + _meant(str(kind), KIND_MODELS), "kind"))
            return None
        if values.pop("channel_ids", None) is not None:
            detail = "ids differ between installations: give names, in `channels`"
            self.faults.append(place.fault(detail, "channel_ids"))
        extra = self._valid(MonitorExtra, _taken(values, MonitorExtra), place)
        config = self._valid(model, values, place, extra=MonitorExtra.model_fields)
        # The models of KIND_MODELS are those of MonitorIn.
        return MonitorEntry(cast("MonitorIn", config), extra, place) if config and extra else None

    def _channel(self, place: Place) -> ChannelEntry | None:
        values = dict(place.values)
        extra = self._valid(ChannelExtra, _taken(values, ChannelExtra), place)
        if masked := values.get("secret") == MASK:
            del values["secret"]
        config = self._valid(ChannelIn, values, place, extra=ChannelExtra.model_fields)
        if not (config and extra):
            return None
        if masked and config.kind != "webhook":
            self.faults.append(place.fault("only webhooks have a secret", "secret"))
        hidden = config.kind == "apprise" and config.url.endswith(f"://{MASK}")
        return ChannelEntry(config, extra, masked or hidden, place)

    def _window(self, place: Place) -> WindowEntry | None:
        values = dict(place.values)
        extra = self._valid(WindowExtra, _taken(values, WindowExtra), place)
        if extra and extra.monitors:
            # A placeholder number, because a window must apply to something.
            values["monitors"] = [1]
        config = self._valid(WindowIn, values, place, extra=WindowExtra.model_fields)
        return WindowEntry(config, extra, place) if config and extra else None

    def _valid(
        self, model: type[Model], values: Any, place: Place, *, extra: Collection[str] = ()
    ) -> Model | None:
        try:
            return model.model_validate(values)
        except ValidationError as error:
            details: dict[tuple[str | int, ...], list[str]] = {}
            for fault in error.errors(include_url=False, include_context=False):
                path = _path(fault["loc"], values)
                detail = fault["msg"].removeprefix("Value error, ")
                if fault["type"] == "extra_forbidden":
                    detail = unknown(str(path[-1]), {*model.model_fields, *extra} - {"channel_ids"})
                details.setdefault(path, []).append(detail)
        for path, texts in details.items():
            self.faults.append(place.fault("; or ".join(dict.fromkeys(texts)), *path))
        return None

    def _distinct(self, places: Sequence[Place]) -> None:
        """Check that each name, and each old name, occurs once: entries are identified by name."""
        named: dict[object, Place] = {}
        renamed: dict[object, Place] = {}
        for place in places:
            name = place.values.get("name")
            if isinstance(name, str) and (first := named.setdefault(name, place)) is not place:
                detail = f"{first.field} in line {first.values.line} already has this name"
                self.faults.append(place.fault(detail, "name"))
        for place in places:
            old = place.values.get("renamed_from")
            if not isinstance(old, str):
                continue
            if old in named:
                detail = f"{named[old].field} in line {named[old].values.line} has this name"
                self.faults.append(place.fault(detail, "renamed_from"))
            elif (first := renamed.setdefault(old, place)) is not place:
                detail = f"{first.field} in line {first.values.line} is already renamed from it"
                self.faults.append(place.fault(detail, "renamed_from"))


def unknown(key: str, known: Collection[str]) -> str:
    """Return the message for an unknown key, with the one that was probably meant."""
    return "there is no such field" + _meant(key, known)


def _meant(key: str, known: Iterable[str]) -> str:
    close = get_close_matches(key.lower(), sorted(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


def _taken(values: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Remove the fields of a model from `values`, and return them."""
    return {name: values.pop(name) for name in model.model_fields if name in values}


def _path(loc: Iterable[str | int], values: Any) -> tuple[str | int, ...]:
    """Return an error's path without the names of union members that Pydantic adds."""
    path: list[str | int] = []
    for part in loc:
        if isinstance(values, Mapping):
            path.append(part)
            values = values.get(part)
        elif isinstance(values, list) and isinstance(part, int):
            path.append(part)
            values = values[part] if part < len(values) else None
        else:
            break
    return tuple(path)
