"""OpenAPI describes the whole API, with examples."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings

ROUTES = {
    "GET /",
    "GET /health",
    "GET /ready",
    "GET /time",
    "POST /api/probe",
    "POST /api/probe/suggest",
    "GET /api/monitors",
    "POST /api/monitors",
    "POST /api/monitors/actions",
    "POST /api/monitors/bulk",
    "GET /api/monitors/{monitor_id}",
    "PUT /api/monitors/{monitor_id}",
    "PATCH /api/monitors/{monitor_id}",
    "DELETE /api/monitors/{monitor_id}",
    "POST /api/monitors/{monitor_id}/check",
    "POST /api/monitors/{monitor_id}/pause",
    "POST /api/monitors/{monitor_id}/resume",
    "GET /api/monitors/{monitor_id}/checks",
    "GET /api/monitors/{monitor_id}/uptime",
    "GET /api/monitors/{monitor_id}/latency",
    "GET /api/status",
    "GET /api/status/history",
    "GET /api/badge/{monitor_id}.svg",
    "GET /feed.atom",
    "GET /api/incidents",
    "GET /api/locations",
    "GET /api/incidents/{incident_id}",
    "GET /api/incidents/{incident_id}/timeline",
    "POST /api/incidents/{incident_id}/acknowledge",
    "GET /api/channels",
    "POST /api/channels",
    "GET /api/channels/{channel_id}",
    "PUT /api/channels/{channel_id}",
    "PATCH /api/channels/{channel_id}",
    "DELETE /api/channels/{channel_id}",
    "POST /api/channels/{channel_id}/secret",
    "POST /api/channels/{channel_id}/test",
    "GET /api/notifications",
    "GET /api/notifications/{notification_id}",
    "POST /api/notifications/{notification_id}/replay",
    "GET /api/keys",
    "POST /api/keys",
    "GET /api/keys/current",
    "GET /api/keys/{key_id}",
    "DELETE /api/keys/{key_id}",
    "GET /api/maintenance",
    "POST /api/maintenance",
    "GET /api/maintenance/{window_id}",
    "PUT /api/maintenance/{window_id}",
    "DELETE /api/maintenance/{window_id}",
    "POST /api/monitors/{monitor_id}/maintenance",
    "GET /api/subscriptions",
    "POST /api/subscriptions",
    "GET /api/subscriptions/offer",
    "POST /api/subscriptions/confirm",
    "POST /api/subscriptions/unsubscribe",
    "DELETE /api/subscriptions/{subscription_id}",
    "GET /unsubscribe/{token}",
    "POST /unsubscribe/{token}",
    "GET /api/config",
    "PUT /api/config",
    "POST /api/config/diff",
    "GET /api/events",
    "GET /ping/{token}",
    "POST /ping/{token}",
}


@pytest.fixture(scope="module")
def description() -> Iterator[dict[str, Any]]:
    client = TestClient(create_app(Settings()))
    yield client.get("/openapi.json").json()
    client.close()


def operations(description: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_is_described(description: dict[str, Any]) -> None:
    found = operations(description)

    assert set(found) == ROUTES
    assert all(operation.get("description") for operation in found.values())


def test_every_operation_has_a_unique_id(description: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in operations(description).values()]

    assert len(set(ids)) == len(ids)


def has_example(schema: dict[str, Any], schemas: dict[str, Any]) -> bool:
    if "$ref" in schema:
        return has_example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "example" in schema or "examples" in schema or "default" in schema:
        return True
    variants = schema.get("anyOf", []) + schema.get("oneOf", [])
    if any(has_example(variant, schemas) for variant in variants):
        return True
    return any(has_example(field, schemas) for field in schema.get("properties", {}).values())


def test_every_body_has_an_example(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    for name, operation in operations(description).items():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert "examples" in content or has_example(content["schema"], schemas), name
