"""How fast keys can be guessed."""

from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.keys.attempts import ALLOWED
from app.keys.tokens import new_token
from app.settings import Settings
from tests.integration.keys.conftest import Keys, sent


def test_guessing_keys_is_rate_limited(guarded: TestClient) -> None:
    for _ in range(ALLOWED):
        assert guarded.get("/api/monitors", headers=sent(new_token())).status_code == 401

    refused = guarded.get("/api/monitors", headers=sent(new_token()))

    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60


def test_guessing_locks_out_neither_keys_in_use_nor_public_routes(
    guarded: TestClient, keys: Keys, guarded_settings: Settings
) -> None:
    assert guarded.get("/api/monitors", headers=keys.read).status_code == 200
    for _ in range(ALLOWED):
        guarded.get("/api/monitors", headers=sent(new_token()))

    assert isinstance(guarded_settings.api_key, SecretStr)
    first = sent(guarded_settings.api_key.get_secret_value())
    assert guarded.get("/api/monitors", headers=keys.read).status_code == 200
    assert guarded.get("/api/monitors", headers=first).status_code == 200
    assert guarded.get("/api/status").status_code == 200


def test_an_address_that_has_to_wait_is_refused_even_with_a_valid_key(
    guarded: TestClient, keys: Keys, database_url: str
) -> None:
    for _ in range(ALLOWED):
        guarded.get("/api/monitors", headers=sent(new_token()))

    assert guarded.get("/api/monitors", headers=keys.write).status_code == 429


def test_retries_with_a_revoked_key_block_no_other_key(guarded: TestClient, keys: Keys) -> None:
    answers = [guarded.get("/api/monitors", headers=keys.revoked) for _ in range(3 * ALLOWED)]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json()["detail"] for answer in answers} == {"This key was revoked."}
    assert guarded.get("/api/monitors", headers=keys.read).status_code == 200
