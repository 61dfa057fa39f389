"""What a route asks of who calls it: nothing, a key that may read, or one that may write."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Request

from app.api.authentication import REALM, WANTED, key_of
from app.api.problems import Problem

Needed = Literal["public", "read", "write"]

_READING = frozenset({"GET", "HEAD"})


class Access:
    """A dependency that lets a request pass, or raises Problem: 401 or 403."""

    def __init__(self, reading: Needed, changing: Needed) -> None:
        self._reading = reading
        self._changing = changing

    def needed(self, method: str) -> Needed:
        """Return what a request of this method needs."""
        return self._reading if method in _READING else self._changing

    async def __call__(self, request: Request) -> None:
        needed = self.needed(request.method)
        if needed == "public" or not request.app.state.keys_required:
            return
        key = key_of(request.scope)
        if key is None:
            raise Problem(401, WANTED, headers={"WWW-Authenticate": REALM})
        if needed == "write" and key.scope == "read":
            challenge = f'{REALM}, error="insufficient_scope", scope="write"'
            detail = "This key may only read; to change something takes one that may write."
            raise Problem(403, detail, headers={"WWW-Authenticate": challenge})


def requires(scope: Needed, *, changing: Needed | None = None) -> Any:
    """Return a route's or a router's dependency: the scope of key that is needed to call it.

    `changing`: what is needed for all methods but GET, where that is another scope.
    """
    return Depends(Access(scope, changing or scope))


async def _is_public(request: Request) -> bool:
    return request.app.state.keys_required and key_of(request.scope) is None


IsPublic = Annotated[bool, Depends(_is_public)]
"""Whether a request has no key where one could have been sent: not everything is for it."""


def stated(route: Any, method: str) -> Needed | None:
    """Return what a route says that it needs for a method; None if it says nothing."""
    found = [
        dependency.call.needed(method)
        for dependency in route.dependant.dependencies
        if isinstance(dependency.call, Access)
    ]
    # All of them are asked, so what is left is the strictest.
    order: tuple[Needed, ...] = ("public", "read", "write")
    return max(found, key=order.index, default=None)
