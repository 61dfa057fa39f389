"""Webhooks: the payload as JSON, signed according to Standard Webhooks."""

import base64
import hashlib
import hmac
import json
import time
from http import HTTPStatus
from typing import Any

from app.notifications.failure import DeliveryError
from app.probing.http import Request
from app.probing.prober import Prober
from app.probing.result import Failure, printable
from app.probing.urls import parse_url

# Seconds for one attempt.
WEBHOOK_SECONDS = 10.0
# Characters of a response body that are kept.
LONGEST_ANSWER = 500


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a webhook according to Standard Webhooks 1.0.

    It is "v1," and the base64 of HMAC-SHA256 over "ID.TIMESTAMP.BODY". The secret is used as it is,
    or decoded from base64 if it begins with "whsec_". https://www.standardwebhooks.com
    """
    key = secret.encode()
    if secret.startswith("whsec_"):
        key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


async def send_webhook(
    prober: Prober, url: str, secret: str, message_id: str, payload: dict[str, Any]
) -> str:
    """POST the payload as signed JSON; return the server's response.

    Raises DeliveryError for any status other than 2xx. Redirects are not followed: a signed
    message is sent only to the address that its owner configured.
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
    )
    try:
        response = await prober.fetch(request, WEBHOOK_SECONDS)
    except Failure as failure:
        raise DeliveryError(failure.reason) from None
    answer = answer_of(response.status, response.body)
    if not 200 <= response.status < 300:
        raise DeliveryError(f"status {response.status}", answer)
    return answer


def answer_of(status: int, body: bytes) -> str:
    """Return a response as text for users, such as "200 OK: {"ok": true}"."""
    try:
        line = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        line = str(status)
    # A character has at most four bytes; anything that is not text is left out.
    text = printable(body[: 4 * LONGEST_ANSWER + 4].decode(errors="replace"), LONGEST_ANSWER)
    return f"{line}: {text}" if text else line
