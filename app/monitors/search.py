"""Which monitors a person is looking for, among thousands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, or_

from app.monitors.models import Monitor, State

# What a person sees as the target, of any kind that has one: a URL, a host name, or host:port.
_TARGET = func.concat_ws(
    ":",
    func.coalesce(*(Monitor.spec[name].astext for name in ("url", "host", "hostname"))),
    Monitor.spec["port"].astext,
)


@dataclass(frozen=True, slots=True)
class Search:
    """What all of the monitors must match; None: whatever it is.

    `q` is part of the name or the target, in upper or lower case. An empty `group` means none.
    """

    q: str | None = None
    tags: Sequence[str] = field(default=())
    group: str | None = None
    state: str | None = None
    kind: str | None = None


def matching(query: Select[*tuple[Any, ...]], search: Search) -> Select[*tuple[Any, ...]]:
    """Return the query of monitors and their states, for those that match."""
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
