"""A monitor's secret headers can be written and kept, never read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.errors import InvalidFieldError
from app.monitors.configuration import apply_config, config_of, shown_config
from app.monitors.models import Monitor, State
from app.monitors.output import monitor_out
from app.monitors.schemas import MONITOR_IN

SECRET = {"PRIVATE-TOKEN": "t0ken", "Accept": "text/html"}


def config(**fields: Any) -> Any:
    return MONITOR_IN.validate_python(
        {"name": "Shop", "kind": "http", "url": "https://shop.test/health"} | fields
    )


def stored(**fields: Any) -> Monitor:
    monitor = Monitor(id=1)
    apply_config(monitor, config(headers=SECRET, **fields))
    return monitor


def test_secret_values_are_not_shown_and_others_are() -> None:
    monitor = stored()
    now = datetime.now(UTC)
    monitor.created_at = monitor.updated_at = now

    shown = monitor_out(monitor, State(monitor_id=1, state="pending", since=now), None)

    assert shown.model_dump()["headers"] == {"PRIVATE-TOKEN": "***", "Accept": "text/html"}
    assert config_of(monitor)["headers"] == SECRET


def test_headers_that_were_read_can_be_written_back() -> None:
    monitor = stored()

    apply_config(monitor, MONITOR_IN.validate_python(shown_config(monitor) | {"name": "Till"}))

    assert monitor.name == "Till"
    assert config_of(monitor)["headers"] == SECRET


def test_a_new_value_replaces_the_old_one_and_a_missing_one_is_removed() -> None:
    monitor = stored()

    apply_config(monitor, config(headers={"private-token": "new"}))

    assert config_of(monitor)["headers"] == {"private-token": "new"}


def test_another_path_keeps_the_values() -> None:
    monitor = stored()

    apply_config(monitor, config(url="https://shop.test/other", headers={"PRIVATE-TOKEN": "***"}))

    assert config_of(monitor)["headers"] == {"PRIVATE-TOKEN": "t0ken"}


@pytest.mark.parametrize(
    "url",
    ["https://evil.test/health", "http://shop.test/health", "https://shop.test:8443/health"],
)
def test_another_origin_does_not_get_them(url: str) -> None:
    monitor = stored()
    changed = MONITOR_IN.validate_python(shown_config(monitor) | {"url": url})

    with pytest.raises(InvalidFieldError, match="headers: for another origin"):
        apply_config(monitor, changed)
    assert config_of(monitor)["url"] == "https://shop.test/health"


def test_another_host_behind_the_same_address_does_not_get_them() -> None:
    monitor = stored()

    with pytest.raises(InvalidFieldError, match="headers: for another origin"):
        apply_config(monitor, config(headers={"PRIVATE-TOKEN": "***", "host": "evil.test"}))


def test_another_origin_gets_them_if_they_are_sent_again() -> None:
    monitor = stored()

    apply_config(monitor, config(url="https://new.test/", headers=SECRET))

    assert config_of(monitor)["headers"] == SECRET


def test_a_new_monitor_has_nothing_to_keep() -> None:
    with pytest.raises(InvalidFieldError, match="no value is stored for X-Token"):
        apply_config(Monitor(), config(headers={"X-Token": "***"}))
