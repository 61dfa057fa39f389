"""Keys as operators create them."""

from typing import Annotated

from pydantic import Field

from app.fields import InputModel, Line
from app.keys.models import Scope


class KeyIn(InputModel):
    """A key to be created."""

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    scope: Scope = Field(description="read: can read everything; write: can also change it.")
    expires_days: Annotated[int, Field(ge=1, le=3650)] | None = Field(
        default=None, description="Days until it expires; null: never."
    )
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="null: RATE_LIMIT_PER_MINUTE, counted for this key only."
    )
