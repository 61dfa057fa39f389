"""Suggests a monitor from what a user types: a draft, and the result of its first probe."""

import asyncio
import re
from dataclasses import replace
from http import HTTPStatus
from time import time
from typing import Any, NamedTuple

from pydantic import ValidationError

from app.errors import InvalidFieldError
from app.monitors.page import TITLE_LIMIT, title_of
from app.monitors.schemas import MONITOR_IN
from app.monitors.typed import Typed, read_typed
from app.probing.http import Request, Response
from app.probing.prober import Prober
from app.probing.result import Failure, Result
from app.probing.targets import DnsTarget, HttpTarget, TcpTarget
from app.probing.urls import Url
from app.probing.verdict import DAY, contains, judge

# Seconds for one probe. A user is waiting, and there may be several probes in a row.
SECONDS = 5.0
# Milliseconds; a slower response is worth mentioning.
SLOW_MS = 2000
# A certificate with fewer days left is worth mentioning: automatic renewal happens earlier than
# this.
FEW_DAYS = 21
_SHORTEST_KEYWORD = 4
# Counters, prices and dates change.
_CHANGING = re.compile(r"\d")

_WORDS = {
    401: "send what it asks for in a header, or accept this status",
    403: "send what it asks for in a header, or accept this status",
    404: "is the path right?",
    405: "it needs another method",
    410: "is the path right?",
    429: "it limits how often it can be called",
}


class Suggestion(NamedTuple):
    """A draft of a configuration, the result of its first probe, and notes for the user."""

    draft: dict[str, Any]
    result: Result
    notes: list[str]


class _Seen(NamedTuple):
    url: Url
    result: Result
    response: Response | None


async def suggest(prober: Prober, text: str) -> Suggestion:
    """Return what to watch, and how, for what a user has typed.

    Raises InvalidFieldError if that cannot be a target, and CheckerFault as a probe does.
    """
    try:
        typed = read_typed(text)
    except ValueError as error:
        raise InvalidFieldError("url", str(error)) from None
    suggestion = await (_of_urls(prober, typed) if typed.urls else _of_target(prober, typed.target))
    try:
        MONITOR_IN.validate_python(suggestion.draft)
    except ValidationError as error:
        detail = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InvalidFieldError("url", detail) from None
    return suggestion


async def _of_target(prober: Prober, target: TcpTarget | DnsTarget | None) -> Suggestion:
    assert target is not None
    result = await prober.probe(target, SECONDS)
    draft: dict[str, Any]
    if isinstance(target, TcpTarget):
        host = f"[{target.host}]" if ":" in target.host else target.host
        name = f"{host}:{target.port}"[-TITLE_LIMIT:]
        draft = {"name": name, "kind": "tcp", "host": target.host, "port": target.port}
    else:
        draft = {"name": target.hostname[:TITLE_LIMIT], "kind": "dns", "hostname": target.hostname}
    return Suggestion(draft, result, _unreached(result))


async def _of_urls(prober: Prober, typed: Typed) -> Suggestion:
    seen = await _first_answer(prober, typed)
    best = next((one for one in seen if one.response is not None), seen[0])
    if best.response is None:
        if typed.target is not None and seen[0].result.timings.connect_ms is not None:
            suggestion = await _of_target(prober, typed.target)
            if suggestion.result.ok:
                note = f"It accepts connections, but sends no HTTP answer: {seen[-1].result.error}."
                return suggestion._replace(notes=[note])
        draft = {"name": best.url.authority[:TITLE_LIMIT], "kind": "http", "url": best.url.text}
        return Suggestion(draft, best.result, _unreached(best.result))
    notes = _notes(best.url, best.response, best.result)
    if best is not seen[0]:
        notes.insert(0, f"https does not work there: {seen[0].result.error}.")
    draft, keyword = await _draft(prober, best.url, best.response)
    if keyword is not None:
        notes.append(f"The page must contain “{keyword}”.")
    return Suggestion(draft, _judged(best, keyword), notes)


async def _first_answer(prober: Prober, typed: Typed) -> list[_Seen]:
    """Request all URLs; return what was seen, up to the first in order that responds."""
    # All at the same time: many firewalls do not answer at all on a closed port.
    looks = [
        asyncio.create_task(prober.look(Request(url, certificate=True), SECONDS))
        for url in typed.urls
    ]
    seen: list[_Seen] = []
    try:
        for url, look in zip(typed.urls, looks, strict=True):
            seen.append(_Seen(url, *await look))
            if seen[-1].response is not None:
                break
    finally:
        for look in looks:
            look.cancel()
        # Wait for them; ending as cancelled is not an error.
        await asyncio.gather(*looks, return_exceptions=True)
    return seen


async def _draft(prober: Prober, url: Url, response: Response) -> tuple[dict[str, Any], str | None]:
    """Return a configuration, and its keyword if there is a good one."""
    title = title_of(response) if 200 <= response.status < 300 else None
    draft = {"name": title or url.authority[:TITLE_LIMIT], "kind": "http", "url": url.text}
    if title is None or len(title) < _SHORTEST_KEYWORD or _CHANGING.search(title):
        return draft, None
    if not contains(response, title):
        # The title has entities or line breaks, which the keyword would need to contain, too.
        return draft, None
    _, again = await prober.look(Request(url), SECONDS)
    if again is None or title_of(again) != title:
        return draft, None
    return draft | {"keyword": title}, title


def _judged(seen: _Seen, keyword: str | None) -> Result:
    """Return the result that a check of the draft would have."""
    assert seen.response is not None
    try:
        judge(HttpTarget(seen.url, keyword=keyword), seen.response)
    except Failure as failure:
        return replace(seen.result, ok=False, error=failure.reason)
    return seen.result


def _unreached(result: Result) -> list[str]:
    return [f"The check fails: {result.error}."] if result.error else []


def _notes(url: Url, response: Response, result: Result) -> list[str]:
    notes = []
    if response.url != url:
        notes.append(f"It redirects to {response.url.text}.")
    if not 200 <= response.status < 300:
        notes.append(_about_status(response.status))
    if response.certificate_expires is not None:
        days = int((response.certificate_expires - time()) // DAY)
        if days < FEW_DAYS:
            notes.append(f"The certificate expires in {days} day{'' if days == 1 else 's'}.")
    if result.latency_ms is not None and result.latency_ms > SLOW_MS:
        notes.append(f"It took {result.latency_ms / 1000:.1f} s to answer.")
    return notes


def _about_status(status: int) -> str:
    try:
        name = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        name = str(status)
    words = "it would be down from the start" if status >= 500 else "it would count as down"
    words = _WORDS.get(status, words)
    return f"Answered {name}: {words}{'' if words.endswith('?') else '.'}"
