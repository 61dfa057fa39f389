"""The mails to subscribers: plain text, always with an unsubscribe link; names can't add lines."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

PAGE = "subscription/"
# Events listed in one mail; further ones are only counted.
NEWS_LIMIT = 50


def message(
    *,
    sender: str,
    to: str,
    base: str,
    number: int,
    created_at: datetime,
    event: str,
    payload: Mapping[str, Any],
    unsubscribe_token: str | None,
) -> EmailMessage:
    """Return the mail for an event; it is always the same, with the same Message-ID.

    `base` is PUBLIC_URL. If a mail has to be sent twice because it is unknown whether the first one
    arrived, mail programs show both as one because they have the same Message-ID.
    """
    mail = EmailMessage()
    mail["From"] = f"Stagewatch <{sender}>"
    mail["To"] = to
    mail["Date"] = format_datetime(created_at.astimezone(UTC))
    domain = sender.rpartition("@")[2]
    mail["Message-ID"] = f"<{number}.{created_at.timestamp() * 1e6:.0f}.stagewatch@{domain}>"
    # Prevents out-of-office replies (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    if event == "confirm":
        mail["Subject"] = f"Confirm your subscription to {_host(base)}"
        mail.set_content(_confirmation(base, str(payload["token"])))
        return mail
    news = payload["news"]
    subject = _headline(news[0])
    mail["Subject"] = subject if len(news) == 1 else f"{subject}, and {len(news) - 1} more"
    lines = [line for one in news[:NEWS_LIMIT] for line in (*_lines(base, one), "")]
    if len(news) > NEWS_LIMIT:
        lines += [f"And {len(news) - NEWS_LIMIT} more: {base}/", ""]
    lines.append("-- ")
    if unsubscribe_token is not None:
        lines += [
            f"You subscribed to this at {base}/",
            f"Unsubscribe: {base}/{PAGE}#unsubscribe={unsubscribe_token}",
        ]
        # Unsubscribing with one click in the mail program, without a page (RFC 8058).
        mail["List-Unsubscribe"] = f"<{base}/unsubscribe/{unsubscribe_token}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content("\n".join(lines) + "\n")
    return mail


def _confirmation(base: str, token: str) -> str:
    return f"""\
Someone, most likely you, asked for mails about incidents at {base}/

To receive them, follow this link within 48 hours and press the button there:

{base}/{PAGE}#confirm={token}

If it was not you, do nothing: no more mails are sent to this address.
"""


def _headline(news: Mapping[str, Any]) -> str:
    state = "down" if news["event"] == "incident.opened" else "up again"
    return f"{news['monitor']['name']} is {state}"


def _lines(base: str, news: Mapping[str, Any]) -> list[str]:
    name, incident = news["monitor"]["name"], news["incident"]
    opened, page = _time(incident["opened_at"]), f"{base}/#monitor-{news['monitor']['id']}"
    if news["event"] == "incident.opened":
        return [f"{name} has been down since {opened}.", f"Cause: {incident['cause']}", page]
    was = f"It was down from {opened} to {_time(incident['closed_at'])}: {incident['cause']}"
    return [f"{name} is up again.", was, page]


def _time(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _host(base: str) -> str:
    return urlsplit(base).hostname or base
