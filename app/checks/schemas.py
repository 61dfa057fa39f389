"""Checks as they are returned to clients."""

from pydantic import AwareDatetime, Field

from app.checks.models import Check
from app.probing.result import Result
from app.probing.schemas import ProbeResult, TimingsOut


class CheckOut(ProbeResult):
    """A check that has been stored."""

    checked_at: AwareDatetime
    location: str | None = Field(
        default=None, description="Location it was made from, if any.", examples=["frankfurt"]
    )


def check_out(check: Check) -> CheckOut:
    """Return a stored check as it is sent to clients."""
    return CheckOut(
        checked_at=check.checked_at,
        location=check.location,
        ok=check.ok,
        latency_ms=check.latency_ms,
        timings=TimingsOut(
            dns_ms=check.dns_ms,
            connect_ms=check.connect_ms,
            tls_ms=check.tls_ms,
            first_byte_ms=check.first_byte_ms,
            total_ms=check.latency_ms,
        ),
        status_code=check.status_code,
        error=check.error,
    )


def result_out(result: Result, checked_at: AwareDatetime) -> CheckOut:
    """Return a check that has just been made, as it is sent to clients."""
    return CheckOut(checked_at=checked_at, **ProbeResult.of(result).model_dump())
