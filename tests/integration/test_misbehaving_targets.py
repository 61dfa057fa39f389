"""Misbehaving targets in one batch with a good one: all results are stored."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.probing.connect import tls_context
from app.settings import Settings
from tests.integration.conftest import Workers
from tests.nameserver import SILENT, NameServer, Zone
from tests.targets import Targets
from worker.engine import EngineThread

ZONE: Zone = {
    "loopback.test": {"A": ["127.0.0.1"]},
    "metadata.test": {"A": ["169.254.169.254"]},
    "mapped.test": {"AAAA": ["::ffff:127.0.0.1"]},
    "private.test": {"A": ["10.1.2.3"]},
    "good.test": {"A": ["127.0.0.1"]},
    "silent.test": SILENT,
}


@pytest.fixture(scope="module")
def targets() -> Iterator[Targets]:
    with Targets() as servers:
        yield servers


@pytest.fixture(scope="module")
def names() -> Iterator[NameServer]:
    with NameServer(ZONE) as server:
        yield server


@pytest.fixture
def trusting(targets: Targets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """OpenSSL trusts the test's authority."""
    file = tmp_path / "ca.pem"
    file.write_bytes(targets.ca_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    tls_context.cache_clear()
    yield
    tls_context.cache_clear()


def add(client: TestClient, name: str, **config: Any) -> None:
    body = {"name": name, "kind": "http", "interval_seconds": 60, "timeout_seconds": 1.5}
    answer = client.post("/api/monitors", json=body | config)
    assert answer.status_code == 201, answer.text


def outcomes(client: TestClient) -> dict[str, dict[str, Any]]:
    """Return the latest stored check of every monitor that has one, by the monitor's name."""
    found = {}
    for monitor in client.get("/api/monitors", params={"limit": 1000}).json()["items"]:
        for check in client.get(f"/api/monitors/{monitor['id']}/checks").json()["items"][:1]:
            found[monitor["name"]] = check
    return found


def test_misbehaving_targets_are_stored_as_failed_checks_with_plain_reasons(
    client: TestClient, targets: Targets, names: NameServer, trusting: None, settings: Settings
) -> None:
    raw = {name: f"http://127.0.0.1:{port}/" for name, port in targets.ports.items()}
    bad: dict[str, tuple[str, dict[str, Any], str]] = {
        "refused": (raw["refused"], {}, "connection refused"),
        "reset": (raw["reset"], {}, "connection reset"),
        "no route": ("http://255.255.255.255/", {}, "network is unreachable"),
        "unknown host": ("http://nowhere.test/", {}, "host not found"),
        "silent name server": ("http://silent.test/", {}, "timed out"),
        "silent": (raw["silent"], {}, "timed out"),
        "TLS expired": (targets.url(tls="expired"), {}, "TLS: certificate has expired"),
        "TLS wrong name": (targets.url(tls="wrong-name"), {}, "TLS: certificate is not valid for"),
        "TLS self-signed": (targets.url(tls="self-signed"), {}, "TLS: "),
        "redirect loop": (targets.url("/loop"), {}, "redirect loop"),
        "too many redirects": (
            targets.url("/redirect-often?left=50"),
            {},
            "more than 10 redirects",
        ),
        "endless body": (targets.url("/endless-body"), {}, "did not end within 4 MiB"),
        "endless chunks": (targets.url("/endless-chunks"), {}, "did not end within 4 MiB"),
        "one byte a second": (targets.url("/byte-a-second"), {}, "timed out"),
        "garbage": (targets.url("/garbage"), {}, "not HTTP"),
        "invalid UTF-8": (targets.url("/invalid-utf-8"), {"keyword": "fine"}, "keyword not found"),
        "NUL": (targets.url("/nul-in-json"), {"json_path": "$.a", "json_value": "x"}, "$.a"),
        "gzip bomb": (targets.url("/gzip-bomb"), {}, "inflates more than 100 times"),
        "cut": (targets.url("/cut"), {}, "closed before the body was complete"),
        "status": (targets.url("/status?code=503"), {}, "status 503"),
    }
    for name, (url, config, _) in bad.items():
        add(client, name, url=url, **config)
    add(client, "good", url=targets.url("/ok"))
    allowed = (*settings.allowed_networks, "255.255.255.255/32")
    worker = EngineThread(
        Settings.model_validate(
            settings.model_dump() | {"allowed_networks": allowed, "nameservers": (names.address,)}
        ),
    )
    workers = Workers(settings)
    workers.running.append(worker)
    try:
        workers.work_until(lambda: len(outcomes(client)) == len(bad) + 1)
    finally:
        workers.stop(worker)

    stored = outcomes(client)
    assert stored.pop("good")["ok"] is True
    for name, check in stored.items():
        assert check["ok"] is False, name
        assert bad[name][2] in check["error"], name
        assert check["error"].isprintable(), name
        assert "Error" not in check["error"], name
        assert "Errno" not in check["error"], name


def test_a_target_in_a_refused_network_is_stored_as_a_failed_check(
    client: TestClient, targets: Targets, names: NameServer, settings: Settings
) -> None:
    port = targets.ports["http"]
    hosts = ["127.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]", "2130706433"]
    hosts += ["loopback.test", "metadata.test", "mapped.test", "private.test"]
    for host in hosts:
        add(client, host, url=f"http://{host}:{port}/ok")
    for kind in ({"kind": "tcp", "host": "loopback.test", "port": port},):
        body = {"name": "tcp", "interval_seconds": 60, "timeout_seconds": 2} | kind
        assert client.post("/api/monitors", json=body).status_code == 201
    guarded = Settings.model_validate(
        settings.model_dump() | {"allowed_networks": (), "nameservers": (names.address,)}
    )
    asked = len(targets.requests)
    workers = Workers(guarded)
    worker = workers.start()
    try:
        workers.work_until(lambda: len(outcomes(client)) == len(hosts) + 1)
    finally:
        workers.stop(worker)

    for name, check in outcomes(client).items():
        assert check["ok"] is False, name
        assert check["error"].startswith("address refused: "), name
    assert len(targets.requests) == asked


def test_a_redirect_into_a_refused_network_fails(client: TestClient, targets: Targets) -> None:
    add(client, "redirect", url=targets.url("/redirect?to=http://169.254.169.254/latest"))

    check = client.post("/api/monitors/1/check").json()

    assert check["ok"] is False
    assert check["error"].startswith("address refused: 169.254.169.254")
