"""OpenAPI describes the errors of every route as they are."""

from collections.abc import Iterator
from typing import Any

from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_every_reference_resolves(client: TestClient) -> None:
    description = client.get("/openapi.json").json()

    schemas = description["components"]["schemas"]

    assert {"ProblemDetails", "FieldError"} <= set(schemas)
    assert {name.rpartition("/")[2] for name in references(description)} <= set(schemas)
    assert not {"HTTPValidationError", "ValidationError"} & set(schemas)


def test_every_error_is_a_problem(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]

    for path, methods in paths.items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                # A badge is a picture, also where there is no such monitor.
                if status.startswith("4") and "image/svg+xml" not in response["content"]:
                    assert list(response["content"]) == ["application/problem+json"], (
                        path,
                        method,
                        status,
                    )


def test_operations_with_a_body_document_how_they_refuse_one(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]

    for methods in paths.values():
        for operation in methods.values():
            if "requestBody" in operation:
                assert {"400", "403", "413", "415", "421", "422"} <= set(operation["responses"])


def test_every_operation_names_its_scope_where_keys_are_required(client: TestClient) -> None:
    description = create_app(Settings(api_keys="required")).openapi()
    operations = {
        f"{method} {path}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }

    assert description["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert all("security" in operation for operation in operations.values())
    assert operations["get /api/status"]["security"] == []
    assert operations["get /api/monitors"]["security"] == [{"key": ["read"]}]
    assert {"401"} == {"401", "403"} & set(operations["get /api/monitors"]["responses"])
    assert operations["post /api/monitors"]["security"] == [{"key": ["write"]}]
    assert {"401", "403"} <= set(operations["post /api/monitors"]["responses"])


def test_keys_are_not_mentioned_where_they_are_not_required(client: TestClient) -> None:
    description = client.get("/openapi.json").json()

    assert "securitySchemes" not in description["components"]
    assert "security" not in description["paths"]["/api/monitors"]["post"]
