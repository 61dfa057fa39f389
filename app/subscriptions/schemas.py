"""Subscriptions as a client sends and receives them."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.email_address import EmailAddress
from app.fields import Id, InputModel


class SignUpIn(InputModel):
    """A request for mails about monitors."""

    email: EmailAddress
    monitor_ids: Annotated[list[Id], Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="null: all monitors, including future ones."
    )


class TokenIn(InputModel):
    """The token of a link in a mail."""

    token: Annotated[str, Field(max_length=100, examples=["Zr0vZx6l0T4…"])]


class Asked(BaseModel):
    """The same response for every address, so that it does not reveal who has subscribed."""

    detail: str = (
        "If that address accepts mail, it gets a confirmation link, and nothing else before that."
    )


class Confirmed(BaseModel):
    """What the owner of an address has subscribed to."""

    email: str
    monitors: list[str] | None = Field(description="Names; null: all monitors.")


class Unsubscribed(BaseModel):
    """The same response, whether the link was known or not."""

    detail: str = "Nothing more is sent to that address."


class Offer(BaseModel):
    """How visitors of the status page can be notified."""

    email: bool = Field(description="Whether this installation sends mails.")
    feed: str = "/feed.atom"


class SubscriptionOut(BaseModel):
    """A confirmed address, for operators."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    email: str
    monitor_ids: list[int] | None
    bounces: int = Field(description="Consecutive mails that were permanently refused.")
    confirmed_at: AwareDatetime
