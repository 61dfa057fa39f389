"""How many requests a key may make per minute, and how fast keys can be guessed."""

from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from app.keys import service
from app.keys.attempts import ALLOWED
from app.keys.schemas import KeyIn
from app.keys.tokens import new_token
from app.main import create_app
from app.settings import Settings
from tests.integration.checks.support import in_transaction
from tests.integration.keys.conftest import Keys, sent


def key_with(settings: Settings, requests_per_minute: int) -> dict[str, str]:
    async def make(session: AsyncSession) -> str:
        config = KeyIn(name="limited", scope="read", requests_per_minute=requests_per_minute)
        return (await service.create(session, config))[1]

    return sent(in_transaction(settings, make))


def test_a_key_has_a_limit_of_its_own(guarded: TestClient, settings: Settings) -> None:
    few, more = key_with(settings, 2), key_with(settings, 5)

    statuses = [guarded.get("/api/monitors", headers=few).status_code for _ in range(6)]
    other = guarded.get("/api/monitors", headers=more)

    # The window slides: on a slow machine one more may pass before one is refused.
    assert statuses[:2] == [200, 200]
    assert 429 in statuses
    assert other.headers["RateLimit-Limit"] == "5"
    assert other.headers["RateLimit-Remaining"] == "4"


def test_a_key_without_a_limit_gets_the_default_limit_to_itself(
    guarded_settings: Settings, keys: Keys
) -> None:
    settings = guarded_settings.model_copy(update={"rate_limit_per_minute": 3})

    with TestClient(create_app(settings)) as client:
        by_address = [client.get("/api/incidents").status_code for _ in range(8)]
        by_key = [client.get("/api/incidents", headers=keys.read).status_code for _ in range(8)]
        other = client.get("/api/incidents", headers=keys.write)

    for statuses in (by_address, by_key):
        assert statuses[:3] == [200, 200, 200]
        assert 429 in statuses
    assert other.status_code == 200


def test_the_limits_hold_for_all_processes_together(
    guarded_settings: Settings, settings: Settings, redis_url: str
) -> None:
    limited = key_with(settings, 3)
    with_redis = guarded_settings.model_copy(update={"redis_url": redis_url})
    statuses = []

    for _ in range(8):
        with TestClient(create_app(with_redis)) as client:
            statuses.append(client.get("/api/monitors", headers=limited).status_code)

    assert statuses[:3] == [200, 200, 200]
    assert 429 in statuses


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


def test_retries_with_a_revoked_key_block_no_other_key(
    guarded: TestClient, keys: Keys, settings: Settings, database_url: str
) -> None:
    answers = [guarded.get("/api/monitors", headers=keys.revoked) for _ in range(3 * ALLOWED)]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json()["detail"] for answer in answers} == {"This key was revoked."}
    assert guarded.get("/api/monitors", headers=key_with(settings, 10)).status_code == 200
