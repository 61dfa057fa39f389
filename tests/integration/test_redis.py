"""What Redis is used for, and what happens without it."""

import socket
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings

SHOP = {"name": "Shop", "kind": "http", "url": "https://example.com/"}


def client_with(settings: Settings, **changes: object) -> TestClient:
    return TestClient(create_app(settings.model_copy(update=changes)))


@pytest.fixture(params=["redis", "memory"])
def cached(request: pytest.FixtureRequest, settings: Settings) -> Iterator[TestClient]:
    """Serve with either kind of cache: both must behave the same."""
    url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    with client_with(settings, redis_url=url, rate_limit_per_minute=10) as client:
        yield client


@pytest.fixture
def without_redis(settings: Settings) -> Iterator[TestClient]:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"redis://127.0.0.1:{unused.getsockname()[1]}/0"
    with client_with(settings, redis_url=url, rate_limit_per_minute=1) as client:
        yield client


def test_the_second_reader_gets_the_summary_from_the_cache(cached: TestClient) -> None:
    first, second = (cached.get("/api/status") for _ in range(2))

    assert (first.headers["X-Cache"], second.headers["X-Cache"]) == ("miss", "hit")
    assert first.json() == second.json()


def test_a_new_monitor_is_in_the_next_summary(cached: TestClient) -> None:
    cached.get("/api/status")

    cached.post("/api/monitors", json=SHOP)

    [monitor] = cached.get("/api/status").json()["monitors"]
    assert monitor["name"] == "Shop"


def test_a_change_that_failed_leaves_the_summary_in_the_cache(cached: TestClient) -> None:
    cached.get("/api/status")

    cached.post("/api/monitors", json={})

    assert cached.get("/api/status").headers["X-Cache"] == "hit"


def test_too_many_requests_get_a_429_with_a_retry_time(cached: TestClient) -> None:
    answers = [cached.get("/api/monitors") for _ in range(11)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].headers["content-type"] == "application/problem+json"
    assert answers[0].headers["RateLimit-Remaining"] == "9"


def test_another_client_has_a_limit_of_its_own(cached: TestClient) -> None:
    for _ in range(11):
        cached.get("/api/monitors")

    cached._transport.client = ("192.0.2.7", 1)  # type: ignore[attr-defined]  # the test client's own

    assert cached.get("/api/monitors").headers["RateLimit-Remaining"] == "9"


def test_the_health_check_has_no_rate_limit(cached: TestClient) -> None:
    assert {cached.get("/health").status_code for _ in range(20)} == {200}


def test_without_redis_requests_succeed_uncached_and_unlimited(without_redis: TestClient) -> None:
    answers = [without_redis.get("/api/status") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert {answer.headers["X-Cache"] for answer in answers} == {"bypass"}
    assert without_redis.post("/api/monitors", json=SHOP).status_code == 201


def test_with_a_full_redis_the_program_is_ready_but_degraded(
    settings: Settings, full_redis: str
) -> None:
    with client_with(settings, redis_url=full_redis) as client:
        answer = client.get("/ready")

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["redis"] != "ok"


def test_without_redis_it_is_ready_but_degraded(without_redis: TestClient) -> None:
    answer = without_redis.get("/ready")

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["database"] == "ok"
