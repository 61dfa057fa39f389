"""Which client a request comes from: only trusted proxies are believed."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from app.api import proxies
from app.api.proxies import TrustedProxiesMiddleware

# The names that resolve in a test.
Names = dict[str, frozenset[str]]


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    known: Names = {}

    async def addresses(name: str) -> frozenset[str]:
        return known.get(name, frozenset())

    monkeypatch.setattr(proxies, "_addresses", addresses)
    monkeypatch.setattr(proxies, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(proxies, "FRESH_SECONDS", 0.0)
    return known


async def seen(
    middleware: TrustedProxiesMiddleware, peer: str, headers: Sequence[tuple[str, str]] = ()
) -> tuple[str, str]:
    """Return the client and the scheme that the application sees."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope: dict[str, Any] = {"type": "http", "client": (peer, 1), "scheme": "http", "headers": raw}

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    await middleware(scope, nothing, nothing)
    return scope["client"][0], scope["scheme"]


def trusting(*trusted: str) -> TrustedProxiesMiddleware:
    async def app(*_: Any) -> None:
        pass

    return TrustedProxiesMiddleware(app, trusted)


def once(trusted: Sequence[str], peer: str, headers: Mapping[str, str]) -> tuple[str, str]:
    return asyncio.run(seen(trusting(*trusted), peer, list(headers.items())))


FORWARDED = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize("trusted", ["10.0.0.2", "10.0.0.0/8"])
def test_a_trusted_proxy_names_the_client_and_the_scheme(trusted: str) -> None:
    assert once([trusted], "10.0.0.2", FORWARDED) == ("198.51.100.7", "https")


@pytest.mark.parametrize("trusted", [(), ("10.0.0.3",), ("nginx.backend",)])
def test_headers_from_other_clients_are_ignored(trusted: tuple[str, ...]) -> None:
    assert once(trusted, "10.0.0.2", FORWARDED) == ("10.0.0.2", "http")


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7, 10.0.0.3", "198.51.100.7"),
        ("10.0.0.4, 10.0.0.3", "10.0.0.4"),
        ("203.0.113.9, unknown", "10.0.0.2"),
        ("203.0.113.9, unknown, 10.0.0.3", "10.0.0.3"),
        ("", "10.0.0.2"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_nearest_address_that_is_no_trusted_proxy_is_the_client(said: str, client: str) -> None:
    assert once(["10.0.0.0/8"], "10.0.0.2", {"X-Forwarded-For": said})[0] == client


def test_headers_of_the_same_name_are_one_list() -> None:
    headers = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "198.51.100.7")]

    assert asyncio.run(seen(trusting("10.0.0.2"), "10.0.0.2", headers))[0] == "198.51.100.7"


def test_an_unknown_scheme_is_ignored() -> None:
    assert once(["10.0.0.2"], "10.0.0.2", {"X-Forwarded-Proto": "javascript"})[1] == "http"


def test_the_name_of_a_proxy_is_resolved_on_use_and_again_when_it_moves(
    names: Names,
) -> None:
    async def scenario() -> None:
        middleware = trusting("nginx.backend")
        headers = list(FORWARDED.items())
        assert await seen(middleware, "10.0.0.2", headers) == ("10.0.0.2", "http")

        names["nginx.backend"] = frozenset({"10.0.0.2"})
        assert await seen(middleware, "10.0.0.2", headers) == ("198.51.100.7", "https")

        names["nginx.backend"] = frozenset({"10.0.0.5"})
        assert await seen(middleware, "10.0.0.5", headers) == ("198.51.100.7", "https")
        # Another container may have its old address now.
        assert await seen(middleware, "10.0.0.2", headers) == ("10.0.0.2", "http")

    asyncio.run(scenario())


def test_requests_wait_for_a_name_lookup_that_is_in_progress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    questions = 0

    async def addresses(_: str) -> frozenset[str]:
        nonlocal questions
        questions += 1
        await asyncio.sleep(0)
        return frozenset({"10.0.0.2"})

    monkeypatch.setattr(proxies, "_addresses", addresses)

    async def scenario() -> set[str]:
        middleware = trusting("nginx.backend")
        many = (seen(middleware, "10.0.0.2", list(FORWARDED.items())) for _ in range(20))
        return {client for client, _ in await asyncio.gather(*many)}

    assert asyncio.run(scenario()) == {"198.51.100.7"}
    assert questions == 1


def test_a_hanging_name_server_does_not_block_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    async def addresses(_: str) -> frozenset[str]:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(proxies, "_addresses", addresses)
    monkeypatch.setattr(proxies, "PATIENCE_SECONDS", 0.01)

    assert once(["nginx.backend"], "10.0.0.2", FORWARDED) == ("10.0.0.2", "http")
