"""How a key is accepted or refused, and how long it is valid."""

import asyncio
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.keys.keyring import Keyring
from app.main import create_app
from app.settings import Settings
from tests.integration.checks.support import execute, row, with_database
from tests.integration.keys.conftest import FIRST, Keys, sent
from tests.services import query

JSON = {"Content-Type": "application/json"}
SHOP = {"name": "Shop", "kind": "http", "url": "https://example.com/"}


def test_a_request_without_a_key_is_told_how_to_send_one(guarded: TestClient) -> None:
    answer = guarded.get("/api/monitors")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="stagewatch"'
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Authorization: Bearer" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("sort", "detail"),
    [("revoked", "This key was revoked."), ("expired", "This key has expired.")],
)
def test_an_invalid_key_is_refused_with_the_reason(
    guarded: TestClient, keys: Keys, sort: str, detail: str
) -> None:
    answer = guarded.get("/api/monitors", headers=getattr(keys, sort))

    assert answer.status_code == 401
    assert answer.json()["detail"] == detail
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("token", ["", "sw_", "sw_" + 43 * "A", FIRST[:-1], "é", "x" * 2000])
def test_an_unknown_key_is_refused(guarded: TestClient, token: str) -> None:
    headers = [(b"authorization", b"Bearer " + token.encode())]

    assert guarded.get("/api/monitors", headers=headers).status_code == 401


def test_a_change_with_a_read_only_key_is_forbidden(guarded: TestClient, keys: Keys) -> None:
    answer = guarded.post("/api/monitors", json=SHOP, headers=keys.read)

    assert answer.status_code == 403
    assert 'error="insufficient_scope", scope="write"' in answer.headers["WWW-Authenticate"]
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_request_without_write_access_is_refused_before_validation(
    guarded: TestClient, keys: Keys
) -> None:
    assert guarded.post("/api/monitors", json={}).status_code == 401
    assert guarded.post("/api/monitors", json={}, headers=keys.read).status_code == 403


def test_a_large_body_is_not_read_without_a_valid_key(guarded: TestClient, keys: Keys) -> None:
    large = {"monitors": [SHOP | {"name": "x" * 200}] * 300}

    refused = guarded.post("/api/monitors/bulk", content="[" * 2_000_000, headers=JSON)
    taken = guarded.post("/api/monitors/bulk", json=large, headers=keys.write)

    assert refused.status_code == 401
    assert refused.headers["Connection"] == "close"
    assert taken.status_code == 201


def test_the_first_key_is_not_stored_and_may_write(guarded: TestClient, database_url: str) -> None:
    answer = guarded.post("/api/monitors", json=SHOP, headers=sent(FIRST))

    assert answer.status_code == 201
    assert query(database_url, "SELECT * FROM api_keys") == []


def test_basic_auth_for_a_proxy_is_not_taken_for_a_key(guarded: TestClient) -> None:
    headers = {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}

    assert guarded.get("/api/status", headers=headers).status_code == 200


def test_the_scheme_is_read_in_any_case(guarded: TestClient, keys: Keys) -> None:
    headers = {"Authorization": keys.read["Authorization"].replace("Bearer ", "bearer  ")}

    assert guarded.get("/api/monitors", headers=headers).status_code == 200


def test_keys_are_ignored_where_they_are_not_required(client: TestClient, keys: Keys) -> None:
    assert client.post("/api/monitors", json=SHOP).status_code == 201
    assert client.get("/api/monitors", headers=keys.revoked).status_code == 200


def wait_for_refusal(client: TestClient, headers: dict[str, str]) -> Any:
    deadline = time.monotonic() + 10
    while (answer := client.get("/api/monitors", headers=headers)).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return answer


def test_a_key_revoked_by_another_process_is_soon_refused(
    guarded: TestClient, keys: Keys, database_url: str
) -> None:
    assert guarded.get("/api/monitors", headers=keys.read).status_code == 200

    # Another process does this, and sends no message to this one.
    execute(database_url, "UPDATE api_keys SET revoked_at = now() WHERE name = 'read'")

    assert wait_for_refusal(guarded, keys.read).json()["detail"] == "This key was revoked."


def test_a_key_expires_while_in_use(guarded: TestClient, keys: Keys, database_url: str) -> None:
    assert guarded.get("/api/monitors", headers=keys.read).status_code == 200

    execute(database_url, "UPDATE api_keys SET expires_at = now() WHERE name = 'read'")

    assert wait_for_refusal(guarded, keys.read).json()["detail"] == "This key has expired."


def last_use(database_url: str) -> Any:
    found = "SELECT last_used_at, xmin::text AS version FROM api_keys WHERE name = 'read'"
    return row(database_url, found)


def test_the_last_use_is_noted_once_a_minute(
    guarded_settings: Settings, keys: Keys, database_url: str
) -> None:
    with TestClient(create_app(guarded_settings)) as client:
        client.get("/api/monitors", headers=keys.read)
        deadline = time.monotonic() + 10
        while (first := last_use(database_url))["last_used_at"] is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    # New processes, which do not know the last use.
    for _ in range(2):
        with TestClient(create_app(guarded_settings)) as client:
            client.get("/api/monitors", headers=keys.read)
    assert last_use(database_url) == first

    execute(database_url, "UPDATE api_keys SET last_used_at = now() - interval '61 s'")
    with TestClient(create_app(guarded_settings)) as client:
        client.get("/api/monitors", headers=keys.read)
        deadline = time.monotonic() + 10
        while last_use(database_url)["last_used_at"] < first["last_used_at"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_concurrent_requests_look_their_key_up_only_once(
    guarded_settings: Settings, keys: Keys
) -> None:
    token = keys.read["Authorization"].removeprefix("Bearer ")

    async def ask(database: Any) -> tuple[set[str], int]:
        keyring = Keyring(database)
        found = await asyncio.gather(*(keyring.find(token) for _ in range(100)))
        connections = sum(database.connections())
        await keyring.close()
        return {key.name for key in found}, connections

    names, connections = with_database(guarded_settings, ask)

    assert names == {"read"}
    # One for the lookup, one for the last use.
    assert connections <= 2


def test_without_the_database_the_answer_to_any_key_is_503(guarded_settings: Settings) -> None:
    away = guarded_settings.model_copy(
        update={"database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/none"}
    )

    with TestClient(create_app(away)) as client:
        answer = client.get("/api/monitors", headers=sent("sw_" + 43 * "A"))

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_keys_work_without_redis(guarded_settings: Settings, keys: Keys) -> None:
    away = guarded_settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})

    with TestClient(create_app(away)) as client:
        assert client.get("/api/monitors", headers=keys.read).status_code == 200
        assert client.get("/api/monitors", headers=keys.revoked).status_code == 401
