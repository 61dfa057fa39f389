"""Nobody can subscribe somebody else's address, and everybody can unsubscribe with one click."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from app.checks.partitions import maintain
from app.main import create_app
from app.settings import Settings
from app.subscriptions.service import SIGN_UPS_A_DAY
from tests.integration.checks.support import add, execute, row, with_database
from tests.integration.subscriptions.conftest import ANN, ask, sent, subscribe
from tests.services import query


def subscribed(database_url: str) -> list[str]:
    return [found["email"] for found in query(database_url, "SELECT email FROM subscriptions")]


def test_the_answer_does_not_tell_who_has_subscribed_or_asked_too_often(
    client: TestClient, database_url: str
) -> None:
    subscribe(client, database_url)

    answers = [ask(client, address) for address in (ANN, "nobody@example.com", *[ANN] * 5)]

    assert {(answer.status_code, answer.text) for answer in answers} == {
        (202, ask(client, "other@example.com").text)
    }


def test_sign_up_links_per_mailbox_and_day_are_limited_across_spellings(
    client: TestClient, database_url: str
) -> None:
    spelled = ["eve@example.com", "Eve@EXAMPLE.com", "eve+1@example.com", "EVE+a+b@example.com"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda address: ask(client, address), spelled * 3))

    assert {answer.status_code for answer in answers} == {202}
    count = "SELECT count(*) FROM mails"
    assert row(database_url, count)["count"] == SIGN_UPS_A_DAY
    execute(database_url, "UPDATE sign_ups SET created_at = now() - interval '25 hours'")
    ask(client, spelled[0])
    assert row(database_url, count)["count"] == SIGN_UPS_A_DAY + 1


def test_sign_ups_per_client_are_limited_across_addresses(client: TestClient) -> None:
    answers = [ask(client, f"someone{number}@example.com") for number in range(21)]

    assert [answer.status_code for answer in answers] == [202] * 20 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_opening_the_link_does_not_unsubscribe_but_one_click_does(
    client: TestClient, database_url: str
) -> None:
    subscribe(client, database_url)
    token = row(database_url, "SELECT unsubscribe_token FROM subscriptions")["unsubscribe_token"]

    # As a scanner of links does.
    shown = client.get(f"/unsubscribe/{token}", follow_redirects=False)
    assert shown.status_code == 303
    assert shown.headers["Location"] == f"/subscription/#unsubscribe={token}"
    assert subscribed(database_url) == [ANN]

    # As a mail program does (RFC 8058, 3.2), from a site of its own.
    form = {"List-Unsubscribe": "One-Click"}
    done = client.post(
        f"/unsubscribe/{token}", data=form, headers={"Origin": "https://mail.example"}
    )
    again = client.post(f"/unsubscribe/{token}", data=form)
    unknown = client.post("/unsubscribe/%00", data=form)
    assert subscribed(database_url) == []
    assert {(answer.status_code, answer.text) for answer in (done, again, unknown)} == {
        (200, "You are unsubscribed.\n")
    }


def test_a_link_is_valid_for_two_days_and_one_subscription(
    client: TestClient,
    database_url: str,
    settings: Settings,
) -> None:
    subscribe(client, database_url)
    used = sent(database_url, ANN)
    assert client.post("/api/subscriptions/confirm", json={"token": used}).status_code == 200
    leave = row(database_url, "SELECT unsubscribe_token FROM subscriptions")["unsubscribe_token"]
    client.post("/api/subscriptions/unsubscribe", json={"token": leave})
    ask(client, ANN)
    unused = sent(database_url, ANN)
    execute(database_url, "UPDATE sign_ups SET expires_at = now() WHERE used_at IS NULL")

    answers = [
        client.post("/api/subscriptions/confirm", json={"token": token})
        for token in (used, unused, "\x00", "ä" * 99)
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert subscribed(database_url) == []
    with_database(settings, lambda database: maintain(database, settings))
    assert row(database_url, "SELECT count(*) FROM sign_ups")["count"] == 1


@pytest.mark.parametrize(
    "email",
    [
        "ann@example.com\r\nBcc: eve@example.com",
        "ann@example.com, eve@example.com",
        "Ann <ann@example.com>",
        "ann@example.com\x00",
        "ann@@example.com",
        "ann@localhost",
        "@example.com",
        "a\u00e4@example.com",
        "a" * 65 + "@example.com",
    ],
)
def test_anything_but_a_single_address_is_refused(
    client: TestClient, email: str, database_url: str
) -> None:
    answer = ask(client, email)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "email"
    assert query(database_url, "SELECT FROM mails") == []


@pytest.mark.parametrize("missing", ["smtp_url", "mail_from", "public_url"])
def test_emails_are_offered_only_with_a_server_a_sender_and_a_public_url(
    settings: Settings, missing: str
) -> None:
    lacking = settings.model_copy(update={missing: None})
    with TestClient(create_app(lacking)) as client:
        offer = client.get("/api/subscriptions/offer").json()
        answer = ask(client, ANN)

    assert offer == {"email": False, "feed": "/feed.atom"}
    assert answer.status_code == 503
    assert missing.upper() in answer.json()["detail"]


def test_operators_can_list_and_end_subscriptions(client: TestClient, database_url: str) -> None:
    number = add(client)
    subscribe(client, database_url)
    subscribe(client, database_url, "bob@example.com", monitor_ids=[number])

    page = client.get("/api/subscriptions", params={"limit": 1}).json()
    rest = client.get("/api/subscriptions", params={"cursor": page["next"]}).json()

    assert (page["total"], page["items"][0]["email"]) == (2, ANN)
    assert rest["items"][0]["monitor_ids"] == [number]
    path = f"/api/subscriptions/{page['items'][0]['id']}"
    assert client.delete(path).status_code == 204
    assert client.delete(path).status_code == 404
    assert client.get("/api/subscriptions").json()["total"] == 1


def test_subscribing_again_replaces_the_chosen_monitors(
    client: TestClient, database_url: str
) -> None:
    number = add(client)
    subscribe(client, database_url)

    shown = subscribe(client, database_url, "ANN@example.com", monitor_ids=[number, number])

    assert shown["monitors"] == ["Site"]
    [found] = query(database_url, "SELECT monitor_ids FROM subscriptions")
    assert found["monitor_ids"] == [number]
