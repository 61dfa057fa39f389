"""Keys as a client makes and reads them."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.fields import InputModel, Line
from app.keys.models import Scope


class KeyIn(InputModel):
    """A key to be made."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "deploy", "scope": "write", "expires_days": 90}]}
    )

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    scope: Scope = Field(description="read: see everything; write: change it too.")
    expires_days: Annotated[int, Field(ge=1, le=3650)] | None = Field(
        default=None, description="Days until it is worth nothing; null: it does not expire."
    )
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="Null: RATE_LIMIT_PER_MINUTE, counted for this key alone."
    )


class KeyOut(BaseModel):
    """A key, without what it is."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    prefix: str = Field(description="How it begins.", examples=["sw_3rT9xQ0a"])
    scope: Scope
    requests_per_minute: int | None
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None = Field(description="To the minute; null: never.")
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None


class NewKeyOut(KeyOut):
    """A key that was just made. `token` is the key itself, in this answer and in no other."""

    token: str = Field(examples=["sw_3rT9xQ0aVt0Jf7ZLxqkF7mGm2c8wYb1s4n6p9u_dHk"])


class CurrentKeyOut(BaseModel):
    """The key that a request came with. Where none is `required`, it may do everything."""

    required: bool
    name: str | None
    scope: Scope
