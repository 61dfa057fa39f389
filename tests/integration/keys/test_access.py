"""Every route with every kind of key: what is allowed, and how the rest is refused."""

import re
from typing import Any, NamedTuple

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from app.api.access import stated
from app.main import create_app
from app.settings import Settings
from tests.integration.keys.conftest import Keys

# What anybody may call: what says that this is here, what public pages and badges are made of, and
# what a job calls by its own token. Whatever is added here is open to the Internet. FastAPI's own
# /docs, /redoc and /openapi.json are, too: they describe a program that everybody can read.
PUBLIC = {
    "GET /",
    "GET /health",
    "GET /ready",
    "GET /time",
    "GET /metrics",
    "GET /api/status",
    "GET /api/status/history",
    "GET /api/badge/{monitor_id}.svg",
    "GET /feed.atom",
    "GET /api/events",
    "GET /api/incidents",
    "GET /api/monitors/{monitor_id}/checks",
    "GET /api/monitors/{monitor_id}/latency",
    "GET /ping/{token}",
    "POST /ping/{token}",
    "GET /api/subscriptions/offer",
    "POST /api/subscriptions",
    "POST /api/subscriptions/confirm",
    "POST /api/subscriptions/unsubscribe",
    "GET /unsubscribe/{token}",
    "POST /unsubscribe/{token}",
}
# Routes that read but require the write scope.
SECRET = {"GET /api/keys", "GET /api/keys/{key_id}"}

# Routes that change nothing although they use POST: their input is too long for a URL.
ONLY_ASKS = {"POST /api/config/diff"}


class Operation(NamedTuple):
    method: str
    path: str
    needed: str | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations() -> list[Operation]:
    """Return every route of the application, those included that OpenAPI does not list."""
    app = create_app(Settings(api_keys="required"))
    return [
        Operation(method, str(route.path), stated(route, method))
        for route in iter_route_contexts(app.routes)
        for method in sorted(getattr(route, "methods", None) or ())
        if hasattr(route, "dependant")
    ]


OPERATIONS = operations()


def ask(client: TestClient, operation: Operation, headers: dict[str, str]) -> Any:
    """Call a route with unknown ids and tokens; of a stream, ask only for the head."""
    path = re.sub(r"\{\w+_id\}", "7", operation.path.replace("{token}", "x" * 32))
    assert "{" not in path, "say what stands for it above"
    method = "HEAD" if path == "/api/events" else operation.method
    return client.request(method, path, headers=headers)


def test_every_route_states_its_scope() -> None:
    unstated = {str(operation) for operation in OPERATIONS if operation.needed is None}

    assert unstated == set()


def test_only_the_routes_listed_here_are_public() -> None:
    public = {str(operation) for operation in OPERATIONS if operation.needed == "public"}

    assert public == PUBLIC


def test_other_routes_need_the_read_scope_to_read_and_the_write_scope_to_change() -> None:
    for operation in OPERATIONS:
        if operation.needed != "public":
            read_by_get = operation.method == "GET" and str(operation) not in SECRET
            reads = read_by_get or str(operation) in ONLY_ASKS
            expected = "read" if reads else "write"
            assert operation.needed == expected, operation


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_route_takes_the_keys_that_it_says(
    guarded: TestClient, keys: Keys, operation: Operation
) -> None:
    def status(headers: dict[str, str]) -> int:
        return int(ask(guarded, operation, headers).status_code)

    open_to_all = operation.needed == "public"
    looked_at = operation.path.startswith("/api/")

    assert (status(keys.none) == 401) is not open_to_all
    assert (status(keys.read) == 403) is (operation.needed == "write")
    assert status(keys.write) not in {401, 403}
    assert (status(keys.revoked) == 401) is (status(keys.expired) == 401) is looked_at
