"""A monitor's output is derived from the input of its kind, without validation."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from app.api.problems import invalid_fields
from app.monitors.models import Monitor, State
from app.monitors.output import monitor_out
from app.monitors.schemas import KINDS, MONITOR_IN, PROBED_KINDS

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def shown(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return what the API shows of a stored monitor."""
    monitor = Monitor(
        id=1, name="Shop", kind=kind, spec=spec, created_at=NOW, updated_at=NOW,
        interval_seconds=60, timeout_seconds=10.0, confirmations=2, token=None,
    )  # fmt: skip  # one a line would be longer, not clearer
    state = State(state="up", since=NOW, checked_at=None, latency_ms=None, error=None)
    return monitor_out(monitor, state, None).model_dump()


@pytest.mark.parametrize("kind", PROBED_KINDS)
def test_every_field_that_a_kind_reads_is_shown(kind: str) -> None:
    assert PROBED_KINDS[kind].model_fields.keys() <= shown(kind, {}).keys()


def test_values_that_break_current_rules_are_shown_as_stored() -> None:
    stored = {"url": "gopher://old/", "method": "BREW", "keyword": "", "json_value": [1]}

    result = shown("http", stored)

    assert (result["url"], result["method"], result["keyword"]) == ("gopher://old/", "BREW", "")
    assert result["json_value"] is None


def test_two_monitors_do_not_share_a_default() -> None:
    shown("http", {})["headers"]["X-A"] = "a"

    assert shown("http", {})["headers"] == {}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_wrong_field_is_named_without_its_kind(kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        MONITOR_IN.validate_python({"name": "A", "kind": kind, "colour": "red"})

    problem = invalid_fields(caught.value.errors())

    assert "colour" in {error.field for error in problem.errors}
