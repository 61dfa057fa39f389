"""The access that a route requires: none, a key that may read, or one that may write."""

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
        """Return the access that a request with this method needs."""
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
            detail = "This key can only read; use a key with the scope write to make changes."
            raise Problem(403, detail, headers={"WWW-Authenticate": challenge})


def requires(scope: Needed, *, changing: Needed | None = None) -> Any:
    """Return a dependency for a route or a router that requires a key of this scope.

    `changing`: the scope for all methods but GET and HEAD, if it is another one.
    """
    return Depends(Access(scope, changing or scope))


async def _is_public(request: Request) -> bool:
    return request.app.state.keys_required and key_of(request.scope) is None


IsPublic = Annotated[bool, Depends(_is_public)]
"""Whether a request has no key where one could have been sent: not everything is for it."""


def stated(route: Any, method: str) -> Needed | None:
    """Return the access that a route declares for a method; None if it declares none."""
    found = [
        dependency.call.needed(method)
        for dependency in route.dependant.dependencies
        if isinstance(dependency.call, Access)
    ]
    # All of them are checked, so the strictest one decides.
    order: tuple[Needed, ...] = ("public", "read", "write")
    return max(found, key=order.index, default=None)
