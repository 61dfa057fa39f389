"""Nobody gets emails without asking for them, and one click ends them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from app.checks.partitions import maintain
from app.main import create_app
from app.settings import Settings
from app.subscriptions.service import SIGN_UPS_A_DAY
from tests.integration.checks.support import add, execute, row, with_database
from tests.integration.conftest import Workers
from tests.integration.notifications.conftest import add_monitor, check, until
from tests.integration.subscriptions.conftest import ANN, BASE, ask, link, subscribe
from tests.mailserver import MailServer
from tests.services import query
from tests.sites import Site


def subscribed(database_url: str) -> list[str]:
    return [found["email"] for found in query(database_url, "SELECT email FROM subscriptions")]


def test_a_confirmed_address_is_notified_of_outages_until_it_unsubscribes(
    client: TestClient, site: Site, mail_server: MailServer, workers: Workers
) -> None:
    workers.start()
    monitor = add_monitor(client, site, name="Läden")
    check(client, monitor, site, 200)

    assert subscribe(client, mail_server) == {"email": ANN, "monitors": None}
    check(client, monitor, site, 503)
    until(lambda: len(mail_server.received) == 2)
    check(client, monitor, site, 200)

    _, down, up = until(lambda: len(mail_server.received) == 3 and mail_server.received)
    assert (down.message["Subject"], up.message["Subject"]) == (
        "Läden is down",
        "Läden is up again",
    )
    assert "status 503" in down.text
    assert f"{BASE}/#monitor-{monitor['id']}" in down.text
    token = link(down, "unsubscribe")
    for mail in (down, up):
        assert mail.message["List-Unsubscribe"] == f"<{BASE}/unsubscribe/{token}>"
        assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    client.post("/api/subscriptions/unsubscribe", json={"token": token})
    subscribe(client, mail_server, "bob@example.com")
    check(client, monitor, site, 503)
    until(lambda: len(mail_server.to("bob@example.com")) == 2)
    assert len(mail_server.to(ANN)) == 3


def test_an_unconfirmed_address_gets_no_notifications(
    client: TestClient, site: Site, mail_server: MailServer, workers: Workers
) -> None:
    workers.start()
    monitor = add_monitor(client, site)
    check(client, monitor, site, 200)
    ask(client, ANN)
    subscribe(client, mail_server, "bob@example.com")

    check(client, monitor, site, 503)

    until(lambda: len(mail_server.to("bob@example.com")) == 2)
    assert [mail.message["Subject"] for mail in mail_server.to(ANN)] == [
        "Confirm your subscription to status.example.com"
    ]


def test_a_subscriber_gets_mails_only_about_the_chosen_monitors(
    client: TestClient, site: Site, mail_server: MailServer, workers: Workers
) -> None:
    workers.start()
    wanted, other = (add_monitor(client, site, name=name) for name in ("Wanted", "Other"))
    for monitor in (wanted, other):
        check(client, monitor, site, 200)
    shown = subscribe(client, mail_server, monitor_ids=[wanted["id"]])
    assert shown["monitors"] == ["Wanted"]
    subscribe(client, mail_server, "bob@example.com")

    for monitor in (other, wanted):
        check(client, monitor, site, 503)

    until(lambda: len(mail_server.to("bob@example.com")) == 2)
    until(lambda: len(mail_server.to(ANN)) == 2)
    assert mail_server.to("bob@example.com")[-1].message["Subject"] == "Other is down, and 1 more"
    assert mail_server.to(ANN)[-1].message["Subject"] == "Wanted is down"
    assert ask(client, ANN, monitor_ids=[999]).json()["errors"][0]["field"] == "monitor_ids"


def test_the_answer_does_not_tell_who_has_subscribed_or_asked_too_often(
    client: TestClient, mail_server: MailServer, workers: Workers
) -> None:
    workers.start()
    subscribe(client, mail_server)

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
    client: TestClient, mail_server: MailServer, workers: Workers, database_url: str
) -> None:
    workers.start()
    subscribe(client, mail_server)
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
    mail_server: MailServer,
    workers: Workers,
    database_url: str,
    settings: Settings,
) -> None:
    workers.start()
    subscribe(client, mail_server)
    used = link(mail_server.received[0], "confirm")
    assert client.post("/api/subscriptions/confirm", json={"token": used}).status_code == 200
    leave = row(database_url, "SELECT unsubscribe_token FROM subscriptions")["unsubscribe_token"]
    client.post("/api/subscriptions/unsubscribe", json={"token": leave})
    ask(client, ANN)
    until(lambda: len(mail_server.received) == 2)
    unused = link(mail_server.received[1], "confirm")
    execute(database_url, "UPDATE sign_ups SET expires_at = now() WHERE used_at IS NULL")

    answers = [
        client.post("/api/subscriptions/confirm", json={"token": token})
        for token in (used, unused, "\x00", "ä" * 99)
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert subscribed(database_url) == []
    with_database(settings, lambda database: maintain(database, settings))
    assert row(database_url, "SELECT count(*) FROM sign_ups")["count"] == 1


def test_the_token_of_a_sent_link_is_not_stored_in_the_database(
    client: TestClient, mail_server: MailServer, workers: Workers, database_url: str
) -> None:
    workers.start()
    ask(client, ANN)
    until(lambda: mail_server.received)
    token = link(mail_server.received[0], "confirm")

    until(lambda: row(database_url, "SELECT state FROM mails")["state"] == "sent")

    rows = query(database_url, "SELECT s::text FROM sign_ups s UNION SELECT m::text FROM mails m")
    assert not any(token in found["s"] for found in rows)


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


def test_operators_can_list_and_end_subscriptions(
    client: TestClient, mail_server: MailServer, workers: Workers
) -> None:
    workers.start()
    number = add(client)
    subscribe(client, mail_server)
    subscribe(client, mail_server, "bob@example.com", monitor_ids=[number])

    page = client.get("/api/subscriptions", params={"limit": 1}).json()
    rest = client.get("/api/subscriptions", params={"cursor": page["next"]}).json()

    assert (page["total"], page["items"][0]["email"]) == (2, ANN)
    assert rest["items"][0]["monitor_ids"] == [number]
    path = f"/api/subscriptions/{page['items'][0]['id']}"
    assert client.delete(path).status_code == 204
    assert client.delete(path).status_code == 404
    assert client.get("/api/subscriptions").json()["total"] == 1


def test_subscribing_again_replaces_the_chosen_monitors(
    client: TestClient, mail_server: MailServer, workers: Workers, database_url: str
) -> None:
    workers.start()
    number = add(client)
    subscribe(client, mail_server)

    shown = subscribe(client, mail_server, "ANN@example.com", monitor_ids=[number, number])

    assert shown["monitors"] == ["Site"]
    [found] = query(database_url, "SELECT monitor_ids FROM subscriptions")
    assert found["monitor_ids"] == [number]


def test_a_mail_tells_no_more_of_a_failure_than_the_status_page(
    client: TestClient, site: Site, mail_server: MailServer, workers: Workers
) -> None:
    workers.start()
    monitor = add_monitor(client, site, keyword="a-secret-of-the-team")
    subscribe(client, mail_server)

    check(client, monitor, site, 200)

    mail = until(lambda: len(mail_server.received) == 2 and mail_server.received[-1])
    assert "Cause: the answer is not as expected" in mail.text
    assert "a-secret-of-the-team" not in mail.text
