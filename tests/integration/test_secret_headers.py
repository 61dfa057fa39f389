"""Secret headers over the API: stored, kept, sent to their origin only, never shown."""

from typing import Any

from fastapi.testclient import TestClient

from tests.targets import Targets


def add(client: TestClient, url: str) -> dict[str, Any]:
    answer = client.post(
        "/api/monitors",
        json={"name": "Shop", "kind": "http", "url": url, "headers": {"PRIVATE-TOKEN": "t0ken"}},
    )
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def test_a_secret_header_is_sent_but_never_shown_whatever_is_changed(client: TestClient) -> None:
    with Targets() as targets:
        created = add(client, targets.url("/echo"))
        path = f"/api/monitors/{created['id']}"
        settable = {"name": "Till", "kind": "http", "url": created["url"]}

        patched = client.patch(path, json={"name": "Till"})
        replaced = client.put(path, json=settable | {"headers": created["headers"]})
        checked = client.post(f"{path}/check")

        answers = [patched, replaced, checked, client.get(path), client.get("/api/monitors")]
        assert [answer.status_code for answer in answers] == [200] * 5
        assert created["headers"] == {"PRIVATE-TOKEN": "***"}
        assert not any("t0ken" in answer.text for answer in answers)
        assert targets.requests[-1].headers["private-token"] == "t0ken"


def test_another_origin_gets_it_only_when_it_is_sent_again(client: TestClient) -> None:
    path = f"/api/monitors/{add(client, 'https://shop.test/')['id']}"

    implicit = client.patch(path, json={"url": "https://evil.test/"})
    masked = client.patch(
        path, json={"url": "https://evil.test/", "headers": {"PRIVATE-TOKEN": "***"}}
    )
    sent = client.patch(
        path, json={"url": "https://new.test/", "headers": {"PRIVATE-TOKEN": "other"}}
    )

    assert (implicit.status_code, masked.status_code, sent.status_code) == (422, 422, 200)
    assert implicit.json()["errors"][0]["field"] == "headers"
    assert client.get(path).json()["url"] == "https://new.test/"
