"""Keys over the API: shown once, listed without their secrets, revoked at once."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.keys.conftest import FIRST, Keys, sent
from tests.services import query

MINE = sent(FIRST)


def make(client: TestClient, **config: Any) -> Any:
    answer = client.post("/api/keys", json={"name": "new", "scope": "read"} | config, headers=MINE)
    assert answer.status_code == 201, answer.text
    return answer


def test_a_new_key_is_shown_once_and_works_at_once(guarded: TestClient, database_url: str) -> None:
    answer = make(guarded, expires_days=30, requests_per_minute=100)
    made = answer.json()

    assert answer.headers["Cache-Control"] == "no-store"
    assert guarded.get("/api/monitors", headers=sent(made["token"])).status_code == 200
    again = guarded.get(answer.headers["Location"], headers=MINE).json()
    assert again == {name: value for name, value in made.items() if name != "token"} | {
        "last_used_at": again["last_used_at"]
    }
    listed = guarded.get("/api/keys", headers=MINE).text
    assert made["token"] not in listed + str(query(database_url, "SELECT * FROM api_keys"))


def test_a_revoked_key_is_refused_from_the_next_request_on(guarded: TestClient) -> None:
    made = make(guarded).json()
    headers = sent(made["token"])
    assert guarded.get("/api/monitors", headers=headers).status_code == 200

    for _ in range(2):
        revoked = guarded.delete(f"/api/keys/{made['id']}", headers=MINE)
        assert revoked.status_code == 204

    assert guarded.get("/api/monitors", headers=headers).status_code == 401
    assert guarded.get(f"/api/keys/{made['id']}", headers=MINE).json()["revoked_at"] is not None


def test_a_read_only_key_can_neither_list_nor_create_keys(guarded: TestClient, keys: Keys) -> None:
    assert guarded.get("/api/keys", headers=keys.read).status_code == 403
    config = {"name": "mine", "scope": "write"}
    assert guarded.post("/api/keys", json=config, headers=keys.read).status_code == 403
    assert guarded.delete("/api/keys/1", headers=keys.read).status_code == 403


def test_a_key_can_read_its_scope(guarded: TestClient, keys: Keys, client: TestClient) -> None:
    current = "/api/keys/current"

    assert guarded.get(current, headers=keys.read).json() == {
        "required": True,
        "name": "read",
        "scope": "read",
    }
    assert guarded.get(current, headers=MINE).json()["name"] == "api_key"
    assert guarded.get(current).status_code == 401
    assert client.get(current).json() == {"required": False, "name": None, "scope": "write"}


def test_the_list_comes_in_pages(guarded: TestClient, keys: Keys) -> None:
    first = guarded.get("/api/keys?limit=3", headers=MINE).json()
    rest = guarded.get(f"/api/keys?limit=3&cursor={first['next']}", headers=MINE).json()

    names = [key["name"] for key in first["items"] + rest["items"]]
    assert names == ["read", "write", "revoked", "expired"]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"scope": "admin"}, "scope"),
        ({"expires_days": 0}, "expires_days"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"token": "mine"}, "token"),
    ],
)
def test_an_invalid_key_configuration_names_its_field(
    guarded: TestClient, config: dict[str, Any], field: str
) -> None:
    body = {"name": "new", "scope": "read"} | config

    answer = guarded.post("/api/keys", json=body, headers=MINE)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
