"""How a notification gets to its channel."""

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
from contextvars import ContextVar
from functools import cache
from ipaddress import ip_address
from typing import Any

from app.probing.failure import Failure
from app.probing.guard import Guard, RefusedAddress
from app.probing.http import Request
from app.probing.prober import Prober
from app.probing.urls import parse_url

# Seconds for one attempt at a webhook, and for one by Apprise, which may have several requests.
WEBHOOK_SECONDS = 10.0
APPRISE_SECONDS = 30.0


class NotDelivered(Exception):
    """The attempt failed; the message says why, in a plain sentence."""


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of a webhook, as Standard Webhooks 1.0 has it.

    "v1," and the base64 of HMAC-SHA256 over "ID.TIMESTAMP.BODY". The secret is taken as it is,
    or where it begins with "whsec_", as base64. https://www.standardwebhooks.com
    """
    key = secret.encode()
    if secret.startswith("whsec_"):
        key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


async def send_webhook(
    prober: Prober, url: str, secret: str, message_id: str, payload: dict[str, Any]
) -> None:
    """POST the payload as JSON, signed. Anything but a status of 2xx is NotDelivered.

    Redirects are not followed: a signed message goes where its owner said, or nowhere.
    """
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    timestamp = int(time.time())
    request = Request(
        parse_url(url),
        method="POST",
        headers=(
            ("Content-Type", "application/json"),
            ("webhook-id", message_id),
            ("webhook-timestamp", str(timestamp)),
            ("webhook-signature", sign(secret, message_id, timestamp, body)),
        ),
        body=body,
        follow_redirects=False,
        keep_body=False,
    )
    try:
        response = await prober.fetch(request, WEBHOOK_SECONDS)
    except Failure as failure:
        raise NotDelivered(failure.reason) from None
    if not 200 <= response.status < 300:
        raise NotDelivered(f"status {response.status}")


def text_of(payload: dict[str, Any]) -> tuple[str, str]:
    """A payload's title and text, for people."""
    if payload["event"] == "test":
        return "Stagewatch: test", "This channel works."
    name = payload["monitor"]["name"]
    incident = payload["incident"]
    if payload["event"] == "incident.opened":
        return f"{name} is down", f"Since {incident['opened_at']}: {incident['cause']}"
    down = f"It was down from {incident['opened_at']} to {incident['closed_at']}"
    return f"{name} is up again", f"{down}: {incident['cause']}"


async def send_by_apprise(guard: Guard, url: str, payload: dict[str, Any]) -> None:
    """Send to a service that Apprise knows, in a thread, as Apprise waits for its answers."""
    title, text = text_of(payload)
    try:
        async with asyncio.timeout(APPRISE_SECONDS):
            problem = await asyncio.to_thread(_notify, guard, url, title, text)
    except TimeoutError:
        raise NotDelivered(f"timed out after {APPRISE_SECONDS:g} s") from None
    if problem:
        raise NotDelivered(problem)


def _notify(guard: Guard, url: str, title: str, text: str) -> str | None:
    """What went wrong, or None."""
    from apprise import Apprise

    _install_guard()
    refusals: list[str] = []
    guarding = _guarding.set((guard, refusals))
    try:
        service = Apprise()
        if not service.add(url):
            return "Apprise does not know this service any more"
        if service.notify(title=title, body=text):
            return None
    finally:
        _guarding.reset(guarding)
    return refusals[0] if refusals else "the service did not take it"


# Apprise opens its connections itself, by several libraries. All of Python's sockets report to
# audit hooks before they connect, with the address that was resolved: the one place where the
# guard sees what it must see, whatever library it is.
_guarding: ContextVar[tuple[Guard, list[str]] | None] = ContextVar("guarding", default=None)


@cache
def _install_guard() -> None:
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" or (guarding := _guarding.get()) is None:
        return
    guard, refusals = guarding
    address = arguments[1]
    try:
        # The path of a local socket is no address, nor is a name that nobody has resolved:
        # neither can be allowed.
        host = ip_address(address[0] if isinstance(address, tuple) else str(address))
        guard.check(str(host))
    except (RefusedAddress, ValueError) as error:
        refusals.append(f"address refused: {error}")
        raise PermissionError("refused by the guard") from None
