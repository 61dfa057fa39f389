"""A check that has been made, and what it makes of its monitor."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from app.checks.claiming import Claim
from app.checks.transition import Standing
from app.probing.result import Result


@dataclass(frozen=True, slots=True)
class CompletedCheck:
    """A check that has been made: for which time it was planned, when it was over, its result.

    Times are the database's. `claim` is the one under which a worker made it; None for a check
    on demand and for a heartbeat. `version` is that of the configuration that was
    checked; None for a heartbeat. `decides`: without it the result is stored and changes no state,
    because it was made at none of the monitor's locations.
    """

    monitor_id: int
    scheduled_at: datetime
    checked_at: datetime
    result: Result
    claim: Claim | None = None
    version: int | None = None
    decides: bool = True

    @property
    def location(self) -> str:
        """Where it was made; empty: anywhere."""
        return self.claim.location if self.claim else ""

    @classmethod
    def of(cls, claim: Claim, checked_at: datetime, result: Result) -> "CompletedCheck":
        """Return the claimed check, completed."""
        return cls(claim.monitor_id, claim.due_at, checked_at, result, claim, claim.version)


class Kept(NamedTuple):
    """A result that counts, what it makes of the state, and what the monitor was before.

    `at`: when the monitor was last checked, from wherever; `cause`: why it fails, in whichever
    locations; `retry`: a failure is to be confirmed soon; `known_until`: for how long the state
    before is known to have lasted: until this result, or until a maintenance window began.
    """

    done: CompletedCheck
    now: Standing
    before: Any
    at: datetime
    cause: str | None
    retry: bool
    known_until: datetime
