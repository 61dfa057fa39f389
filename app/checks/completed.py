"""A completed check, and the state of its monitor that follows from it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from app.checks.claiming import Claim
from app.checks.transition import Standing
from app.probing.result import Result


@dataclass(frozen=True, slots=True)
class CompletedCheck:
    """A completed check: the time for which it was planned, when it ended, and its result.

    Times are the database's. `claim` is the claim under which a worker made it; None for a check
    on demand and for a heartbeat. `version` is the version of the configuration that was checked;
    None for a heartbeat. If `decides` is false, the result is stored but changes no state, because
    the check was not made at one of the monitor's locations.
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
        """The location where the check was made; empty: anywhere."""
        return self.claim.location if self.claim else ""

    @classmethod
    def of(cls, claim: Claim, checked_at: datetime, result: Result) -> "CompletedCheck":
        """Return the completed check of a claim."""
        return cls(claim.monitor_id, claim.due_at, checked_at, result, claim, claim.version)


class Kept(NamedTuple):
    """A result that counts, the state that follows from it, and the monitor's state row before.

    `at`: when the monitor was last checked, from any location; `cause`: why it fails, in all of its
    locations; `retry`: a failure must be confirmed soon; `known_until`: until when the state before
    is known to have lasted: until this result, or until a maintenance window began.
    """

    done: CompletedCheck
    now: Standing
    before: Any
    at: datetime
    cause: str | None
    retry: bool
    known_until: datetime
