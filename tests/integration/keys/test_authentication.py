"""How a key is taken, how it is refused, and how long it is worth something."""

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


def test_without_a_key_it_says_what_is_needed(guarded: TestClient) -> None:
    answer = guarded.get("/api/monitors")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="stagewatch"'
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Authorization: Bearer" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("sort", "detail"),
    [("revoked", "This key was revoked."), ("expired", "This key has expired.")],
)
def test_a_key_that_is_worth_nothing_any_more_says_why(
    guarded: TestClient, keys: Keys, sort: str, detail: str
) -> None:
    answer = guarded.get("/api/monitors", headers=getattr(keys, sort))

    assert answer.status_code == 401
    assert answer.json()["detail"] == detail
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("token", ["", "sw_", "sw_" + 43 * "A", FIRST[:-1], "é", "x" * 2000])
def test_a_key_that_nobody_has_made_is_refused(guarded: TestClient, token: str) -> None:
    headers = [(b"authorization", b"Bearer " + token.encode())]

    assert guarded.get("/api/monitors", headers=headers).status_code == 401


def test_a_key_that_may_only_read_is_told_so(guarded: TestClient, keys: Keys) -> None:
    answer = guarded.post("/api/monitors", json=SHOP, headers=keys.read)

    assert answer.status_code == 403
    assert 'error="insufficient_scope", scope="write"' in answer.headers["WWW-Authenticate"]
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_who_may_not_write_does_not_learn_what_is_wrong_with_the_request(
    guarded: TestClient, keys: Keys
) -> None:
    assert guarded.post("/api/monitors", json={}).status_code == 401
    assert guarded.post("/api/monitors", json={}, headers=keys.read).status_code == 403


def test_a_large_body_is_not_read_for_somebody_unknown(guarded: TestClient, keys: Keys) -> None:
    large = {"monitors": [SHOP | {"name": "x" * 200}] * 300}

    refused = guarded.post("/api/monitors/bulk", content="[" * 2_000_000, headers=JSON)
    taken = guarded.post("/api/monitors/bulk", json=large, headers=keys.write)

    assert refused.status_code == 401
    assert refused.headers["Connection"] == "close"
    assert taken.status_code == 201


def test_the_first_key_is_in_no_table_and_may_write(guarded: TestClient, database_url: str) -> None:
    answer = guarded.post("/api/monitors", json=SHOP, headers=sent(FIRST))

    assert answer.status_code == 201
    assert query(database_url, "SELECT * FROM api_keys") == []


def test_passwords_of_a_proxy_in_front_are_no_keys(guarded: TestClient) -> None:
    headers = {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}

    assert guarded.get("/api/status", headers=headers).status_code == 200


def test_the_scheme_is_read_in_any_case(guarded: TestClient, keys: Keys) -> None:
    headers = {"Authorization": keys.read["Authorization"].replace("Bearer ", "bearer  ")}

    assert guarded.get("/api/monitors", headers=headers).status_code == 200


def test_where_keys_are_off_none_is_looked_at(client: TestClient, keys: Keys) -> None:
    assert client.post("/api/monitors", json=SHOP).status_code == 201
    assert client.get("/api/monitors", headers=keys.revoked).status_code == 200


def wait_for_refusal(client: TestClient, headers: dict[str, str]) -> Any:
    deadline = time.monotonic() + 10
    while (answer := client.get("/api/monitors", headers=headers)).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return answer


def test_a_key_revoked_elsewhere_is_soon_worth_nothing_here(
    guarded: TestClient, keys: Keys, database_url: str
) -> None:
    assert guarded.get("/api/monitors", headers=keys.read).status_code == 200

    # As another process does it, which tells nobody.
    execute(database_url, "UPDATE api_keys SET revoked_at = now() WHERE name = 'read'")

    assert wait_for_refusal(guarded, keys.read).json()["detail"] == "This key was revoked."


def test_a_key_ends_while_it_is_in_use(guarded: TestClient, keys: Keys, database_url: str) -> None:
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

    # New processes, which know nothing of it.
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


def test_many_requests_at_once_ask_for_their_key_once(
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
    # That which asked, and that which notes the use.
    assert connections <= 2


def test_without_the_database_it_is_503_and_no_judgement(guarded_settings: Settings) -> None:
    away = guarded_settings.model_copy(
        update={"database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/none"}
    )

    with TestClient(create_app(away)) as client:
        answer = client.get("/api/monitors", headers=sent("sw_" + 43 * "A"))

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_without_redis_keys_are_taken_all_the_same(guarded_settings: Settings, keys: Keys) -> None:
    away = guarded_settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})

    with TestClient(create_app(away)) as client:
        assert client.get("/api/monitors", headers=keys.read).status_code == 200
        assert client.get("/api/monitors", headers=keys.revoked).status_code == 401
