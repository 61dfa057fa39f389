"""Selects the monitors that a user is looking for, among thousands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, or_

from app.monitors.models import Monitor, State

# The target as users see it, for all kinds that have one: a URL, a host name, or host:port.
_TARGET = func.concat_ws(
    ":",
    func.coalesce(*(Monitor.spec[name].astext for name in ("url", "host", "hostname"))),
    Monitor.spec["port"].astext,
)


@dataclass(frozen=True, slots=True)
class Search:
    """The criteria that all monitors must match; None: any value.

    `q` is part of the name or the target, ignoring case. An empty `group` means no group.
    """

    q: str | None = None
    tags: Sequence[str] = field(default=())
    group: str | None = None
    state: str | None = None
    kind: str | None = None


def matching(query: Select[*tuple[Any, ...]], search: Search) -> Select[*tuple[Any, ...]]:
    """Restrict a query of monitors and their states to those that match; return it."""
    if search.q is not None:
        # Escaped, because % and _ are common in URLs and mean something else to LIKE.
        query = query.where(
            or_(
                Monitor.name.icontains(search.q, autoescape=True),
                _TARGET.icontains(search.q, autoescape=True),
            )
        )
    if search.tags:
        query = query.where(Monitor.tags.op("@>")(list(search.tags)))
    if search.group is not None:
        query = query.where(
            Monitor.group == search.group if search.group else Monitor.group.is_(None)
        )
    if search.state is not None:
        query = query.where(State.state == search.state)
    if search.kind is not None:
        query = query.where(Monitor.kind == search.kind)
    return query
