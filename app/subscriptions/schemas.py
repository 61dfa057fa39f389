"""Subscriptions as a client writes and reads them."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.email_address import EmailAddress
from app.fields import Id, InputModel


class SignUpIn(InputModel):
    """Who wants to be told of what."""

    email: EmailAddress
    monitor_ids: Annotated[list[Id], Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="null: of all monitors, also those that are added later."
    )


class TokenIn(InputModel):
    """What a link in a mail brings."""

    token: Annotated[str, Field(max_length=100, examples=["Zr0vZx6l0T4…"])]


class Asked(BaseModel):
    """The same answer for every address, so that it does not tell who has subscribed."""

    detail: str = (
        "If that address takes mails, a link to confirm is on its way. Nothing else is sent before."
    )


class Confirmed(BaseModel):
    """What the owner of an address has subscribed to."""

    email: str
    monitors: list[str] | None = Field(description="Names; null: all monitors.")


class Unsubscribed(BaseModel):
    """The same answer, whether the link was known or not."""

    detail: str = "Nothing more is sent to that address."


class Offer(BaseModel):
    """How a visitor of the status page can be told."""

    email: bool = Field(description="Whether mails are sent from here.")
    feed: str = "/feed.atom"


class SubscriptionOut(BaseModel):
    """A confirmed address, for operators."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    email: str
    monitor_ids: list[int] | None
    bounces: int = Field(description="Mails in a row that were refused for good.")
    confirmed_at: AwareDatetime
