"""A worker's metrics over HTTP."""

import socket
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from worker import metrics_server
from worker.metrics_server import serve_metrics


def test_metrics_are_served_and_nothing_else() -> None:
    [server] = serve_metrics(["127.0.0.1"], _free_port())
    address = f"http://127.0.0.1:{server.server_address[1]}"

    with urlopen(f"{address}/metrics") as answer:
        text = answer.read().decode()
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{address}/")
    server.shutdown()
    server.server_close()

    assert "stagewatch_last_claim_timestamp_seconds" in text
    refused.value.close()
    assert refused.value.code == 404


def test_a_worker_whose_port_is_taken_works_without_metrics() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert serve_metrics(["127.0.0.1"], taken.getsockname()[1]) == []


def test_a_worker_that_is_to_listen_elsewhere_works_without_metrics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics_server, "PATIENCE_SECONDS", 0.0)

    assert serve_metrics(["192.0.2.1"], _free_port()) == []


def test_port_zero_means_no_metrics() -> None:
    assert serve_metrics(["127.0.0.1"], 0) == []


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
