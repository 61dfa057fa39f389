"""Keys as an operator makes them."""

from typing import Annotated

from pydantic import Field

from app.fields import InputModel, Line
from app.keys.models import Scope


class KeyIn(InputModel):
    """A key to be made."""

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    scope: Scope = Field(description="read: see everything; write: change it too.")
    expires_days: Annotated[int, Field(ge=1, le=3650)] | None = Field(
        default=None, description="Days until it is worth nothing; null: it does not expire."
    )
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="Null: RATE_LIMIT_PER_MINUTE, counted for this key alone."
    )
