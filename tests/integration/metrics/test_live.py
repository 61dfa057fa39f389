"""Metrics of live pages and heartbeats, which differ from ordinary requests."""

from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from app.settings import Settings
from tests.integration.events.streams import running, streaming, wait_until


def metrics(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text: str = answer.read().decode()
        return text


def test_open_streams_are_counted_but_have_no_request_duration(
    settings: Settings,
) -> None:
    with running(settings) as (_, port):
        with streaming(port) as stream:
            assert next(iter(stream))[0] == "resync"
            assert "\nstagewatch_event_streams 1.0\n" in metrics(port)

        wait_until(lambda: "\nstagewatch_event_streams 0.0\n" in metrics(port))
        assert 'route="/api/events",status="200"' not in metrics(port)


def test_heartbeats_are_counted_by_their_route(settings: Settings) -> None:
    with running(settings) as (_, port):
        with pytest.raises(HTTPError) as refused:
            urlopen(f"http://127.0.0.1:{port}/ping/{'t' * 32}")
        refused.value.close()

        assert 'route="/ping/{token}",status="404"' in metrics(port)
