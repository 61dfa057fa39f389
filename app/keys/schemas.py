"""Keys as clients create and receive them."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.fields import InputModel, Line
from app.keys.models import Scope


class KeyIn(InputModel):
    """A key to be created."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "deploy", "scope": "write", "expires_days": 90}]}
    )

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    scope: Scope = Field(description="read: can read everything; write: can also change it.")
    expires_days: Annotated[int, Field(ge=1, le=3650)] | None = Field(
        default=None, description="Days until it expires; null: never."
    )
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="null: RATE_LIMIT_PER_MINUTE, counted for this key only."
    )


class KeyOut(BaseModel):
    """A key's properties, without the key itself."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    prefix: str = Field(description="Its first characters.", examples=["sw_3rT9xQ0a"])
    scope: Scope
    requests_per_minute: int | None
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None = Field(description="Accurate to the minute; null: never.")
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None


class NewKeyOut(KeyOut):
    """A new key. `token` is the key itself, which is returned only in this response."""

    token: str = Field(examples=["sw_3rT9xQ0aVt0Jf7ZLxqkF7mGm2c8wYb1s4n6p9u_dHk"])


class CurrentKeyOut(BaseModel):
    """The key of a request. If no key is `required`, every request may do everything."""

    required: bool
    name: str | None
    scope: Scope
