"""Emails reach subscribers through a server that fails, and delay nothing else."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from fastapi.testclient import TestClient

from app.notifications.sending import MAX_ATTEMPTS
from app.settings import Settings
from app.subscriptions.sending import MAX_BOUNCES
from tests.integration.checks.support import execute, row
from tests.integration.conftest import Workers
from tests.integration.notifications.conftest import (
    add_channel,
    add_monitor,
    check,
    hanging_server,
    hook,
    told,
    until,
)
from tests.integration.subscriptions.conftest import ANN, DUE, add_subscribers, ask, mails
from tests.mailserver import MailServer
from tests.services import ROOT, query
from tests.sites import Site

__all__ = ["hook"]

RUN_A_WORKER = """
import signal
from app.settings import load_settings
from worker.engine import EngineThread
EngineThread(load_settings())
signal.pause()
"""


@contextmanager
def worker_process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker that can be killed."""
    environment = os.environ | {
        "DATABASE_URL": settings.database_url.replace("+asyncpg", ""),
        "SMTP_URL": str(settings.smtp_url),
        "MAIL_FROM": str(settings.mail_from),
        "PUBLIC_URL": str(settings.public_url),
    }
    command = [sys.executable, "-c", RUN_A_WORKER]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def test_thousands_of_subscribers_hold_up_neither_checks_nor_the_team(
    client: TestClient,
    site: Site,
    hook: Site,
    mail_server: MailServer,
    workers: Workers,
    database_url: str,
) -> None:
    add_subscribers(database_url, 5000)
    add_channel(client, hook.url)
    monitor = add_monitor(client, site)
    check(client, monitor, site, 200)
    mail_server.holds = True
    workers.start()

    check(client, monitor, site, 503)
    until(lambda: len(mail_server.received) == 4)
    until(lambda: mails(database_url, "pending") == 5000)
    check(client, monitor, site, 200)

    # Every held mail takes longer than this.
    until(lambda: len(told(hook)) == 2, seconds=5)
    assert mails(database_url, "sent") == 0
    mail_server.let_go()
    until(lambda: len(mail_server.received) >= 200)
    assert len({mail.to for mail in mail_server.received}) == len(mail_server.received)


def test_subscribers_of_several_batches_get_one_mail_each_from_two_workers(
    client: TestClient, site: Site, mail_server: MailServer, workers: Workers, database_url: str
) -> None:
    add_subscribers(database_url, 1000)
    monitor = add_monitor(client, site)
    check(client, monitor, site, 200)
    workers.start()
    workers.start()

    check(client, monitor, site, 503)

    until(lambda: mails(database_url, "sent") == 1000, seconds=60)
    assert len({mail.to for mail in mail_server.received}) == len(mail_server.received) == 1000


def test_an_address_that_is_refused_for_now_is_tried_again(
    client: TestClient, mail_server: MailServer, workers: Workers, database_url: str
) -> None:
    mail_server.answers[ANN] = "450 4.2.0 greylisted"
    ask(client, ANN)
    workers.start()

    until(lambda: row(database_url, "SELECT last_error FROM mails")["last_error"])
    [mail] = query(database_url, "SELECT state, attempts, last_error FROM mails")
    assert mail == {
        "state": "pending",
        "attempts": 1,
        "last_error": "refused: 450 4.2.0 greylisted",
    }
    mail_server.answers.clear()
    execute(database_url, DUE)

    until(lambda: mail_server.to(ANN))


def test_an_address_that_is_always_refused_ends_as_a_dead_letter(
    client: TestClient, mail_server: MailServer, workers: Workers, database_url: str
) -> None:
    mail_server.answers[ANN] = "450 4.2.0 greylisted"
    ask(client, ANN)
    execute(database_url, f"UPDATE mails SET attempts = {MAX_ATTEMPTS - 1}")

    workers.start()

    until(lambda: mails(database_url, "dead") == 1)
    assert row(database_url, "SELECT payload FROM mails")["payload"] == "{}"


def test_a_reply_that_cannot_be_stored_as_text_still_ends_the_mail(
    client: TestClient, mail_server: MailServer, workers: Workers, database_url: str
) -> None:
    mail_server.answers[ANN] = "550 5.7.0 Empfänger gesperrt\x00".encode("latin-1")
    ask(client, ANN)

    workers.start()

    until(lambda: mails(database_url, "dead") == 1)
    error = row(database_url, "SELECT last_error FROM mails")["last_error"]
    assert error == "refused: 550 5.7.0 Empf nger gesperrt"


def test_an_outcome_that_cannot_be_stored_counts_as_an_attempt(
    client: TestClient,
    mail_server: MailServer,
    workers: Workers,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(*_: object) -> int:
        raise ValueError("nothing of this")

    monkeypatch.setattr("app.subscriptions.mailing.note", refuse)
    ask(client, ANN)

    workers.start()
    until(lambda: mail_server.to(ANN))
    workers.stop(workers.running[0])

    # If it were given back without an attempt, it would be sent forever.
    assert dict(row(database_url, "SELECT state, attempts FROM mails")) == {
        "state": "pending",
        "attempts": 1,
    }


def test_an_address_that_does_not_exist_is_dropped_after_some_mails(
    client: TestClient, site: Site, mail_server: MailServer, workers: Workers, database_url: str
) -> None:
    add_subscribers(database_url, 2)
    mail_server.answers["reader1@example.com"] = "550 5.1.1 no such user"
    # A reply of a relay that refuses us says nothing about the address.
    mail_server.answers["reader2@example.com"] = "554 5.7.1 relay access denied"
    monitor = add_monitor(client, site)
    check(client, monitor, site, 200)
    workers.start()

    for number in range(MAX_BOUNCES):
        assert row(database_url, "SELECT count(*) FROM subscriptions")["count"] == 2
        check(client, monitor, site, 503 if number % 2 == 0 else 200)
        until(
            partial(
                settled, database_url, 2 * (number + 1) if number + 1 < MAX_BOUNCES else number + 1
            )
        )

    [left] = until(lambda: one(query(database_url, "SELECT email, bounces FROM subscriptions")))
    assert left == {"email": "reader2@example.com", "bounces": 0}


def settled(database_url: str, count: int) -> bool:
    """Whether no mail is pending and there are so many; a subscription's mails go with it."""
    return mails(database_url, "pending") == 0 and mails(database_url, "dead") == count


def one(rows: list[dict[str, object]]) -> list[dict[str, object]] | None:
    return rows if len(rows) == 1 else None


def test_an_unreachable_server_does_not_count_as_an_attempt(
    client: TestClient, mail_server: MailServer, settings: Settings, database_url: str
) -> None:
    with MailServer() as gone:
        port = gone.port
    away = Workers(settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{port}"}))
    ask(client, ANN)
    worker = away.start()
    error = until(lambda: row(database_url, "SELECT last_error FROM mails")["last_error"])
    away.stop(worker)
    assert "no connection to the mail server" in error
    [mail] = query(database_url, "SELECT state, attempts, sending FROM mails")
    assert mail == {"state": "pending", "attempts": 0, "sending": False}

    execute(database_url, DUE)
    back = Workers(settings)
    worker = back.start()

    until(lambda: mail_server.to(ANN))
    back.stop(worker)


def test_a_server_that_takes_connections_and_never_answers_is_given_up(
    client: TestClient, settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.subscriptions.smtp.CONNECT_SECONDS", 0.2)
    with hanging_server() as port:
        hanging = Workers(settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{port}"}))
        ask(client, ANN)
        worker = hanging.start()

        error = until(lambda: row(database_url, "SELECT last_error FROM mails")["last_error"])

        assert error == "the mail server did not answer within 0.2 s"
        hanging.stop(worker)


def test_a_server_that_does_not_confirm_a_mail_is_given_up_and_the_mail_retried(
    client: TestClient,
    mail_server: MailServer,
    workers: Workers,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.subscriptions.smtp.MAIL_SECONDS", 0.3)
    mail_server.holds = True
    ask(client, ANN)
    workers.start()

    until(lambda: row(database_url, "SELECT last_error FROM mails")["last_error"])
    assert row(database_url, "SELECT attempts FROM mails")["attempts"] == 1
    mail_server.let_go()
    execute(database_url, DUE)

    until(lambda: mails(database_url, "sent") == 1)


def test_a_worker_killed_while_it_sends_loses_no_mail_and_it_is_the_same_one_again(
    client: TestClient,
    mail_server: MailServer,
    settings: Settings,
    workers: Workers,
    database_url: str,
) -> None:
    mail_server.holds = True
    ask(client, ANN)
    with worker_process(settings) as process:
        until(lambda: mail_server.received)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert mails(database_url, "pending") == 1
    mail_server.let_go()
    # Its lease ends.
    execute(database_url, "UPDATE mails SET next_attempt_at = now()")

    workers.start()

    until(lambda: mails(database_url, "sent") == 1)
    until(lambda: len(mail_server.to(ANN)) == 2)
    first, second = mail_server.to(ANN)
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert first.text == second.text


def test_a_worker_that_is_stopped_gives_back_what_it_has_not_sent(
    client: TestClient, site: Site, mail_server: MailServer, workers: Workers, database_url: str
) -> None:
    add_subscribers(database_url, 50)
    monitor = add_monitor(client, site)
    check(client, monitor, site, 200)
    mail_server.holds = True
    worker = workers.start()
    check(client, monitor, site, 503)
    until(lambda: mail_server.received)

    workers.stop(worker)

    rows = query(
        database_url,
        "SELECT sending, attempts, count(*) FROM mails WHERE state = 'pending' GROUP BY 1, 2",
    )
    begun = sum(found["count"] for found in rows if found["attempts"] == 1)
    assert not any(found["sending"] for found in rows)
    assert begun == len(mail_server.received) <= 4


def test_a_mail_that_has_waited_for_a_day_is_not_sent(
    client: TestClient, mail_server: MailServer, workers: Workers, database_url: str
) -> None:
    ask(client, ANN)
    execute(database_url, "UPDATE mails SET give_up_at = now()")

    workers.start()

    until(lambda: mails(database_url, "dead") == 1)
    assert mail_server.received == []


def test_mails_are_sent_after_a_clock_that_was_ahead_is_set_back(
    client: TestClient, mail_server: MailServer, workers: Workers, database_url: str
) -> None:
    ask(client, ANN)
    execute(database_url, "UPDATE mails SET attempts = 1, next_attempt_at = now() + interval '1 d'")

    workers.start()

    until(lambda: mails(database_url, "sent") == 1)
    assert len(mail_server.received) == 1


def test_the_mail_about_a_recovery_is_not_sent_before_the_one_about_the_outage(
    client: TestClient, site: Site, mail_server: MailServer, workers: Workers, database_url: str
) -> None:
    add_subscribers(database_url, 1)
    monitor = add_monitor(client, site)
    check(client, monitor, site, 200)
    mail_server.answers["reader1@example.com"] = "450 4.2.0 later"
    workers.start()
    check(client, monitor, site, 503)
    until(lambda: one(query(database_url, "SELECT FROM mails WHERE last_error IS NOT NULL")))
    mail_server.answers.clear()
    check(client, monitor, site, 200)
    until(lambda: mails(database_url, "pending") == 2)
    assert mail_server.received == []

    execute(database_url, DUE)

    until(lambda: len(mail_server.received) == 2)
    subjects = [mail.message["Subject"] for mail in mail_server.received]
    assert subjects == ["Site is down", "Site is up again"]


def test_many_outages_at_once_are_combined_into_few_mails(
    client: TestClient, site: Site, mail_server: MailServer, workers: Workers, database_url: str
) -> None:
    add_subscribers(database_url, 2)
    monitors = [add_monitor(client, site, name=f"Site {number}") for number in range(10)]
    for status in (200, 503, 200):
        for monitor in monitors:
            check(client, monitor, site, status)

    workers.start()

    until(lambda: mails(database_url, "folded") == 2 * 19)
    until(lambda: mails(database_url, "sent") == 2)
    for mail in mail_server.received:
        assert mail.message["Subject"] == "Site 0 is down, and 19 more"
        found = re.findall(r"^Site (\d) (?:has been|is) (down|up again)", mail.text, re.MULTILINE)
        assert found == [(str(n), state) for state in ("down", "up again") for n in range(10)]
