"""Channels as a client writes and reads them."""

import binascii
from base64 import b64decode
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from app.channels.models import Channel
from app.probing.schemas import Line
from app.probing.urls import parse_url


class ChannelIn(BaseModel):
    """Where notifications go: a service that Apprise knows, or a webhook of one's own."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"name": "On call", "kind": "webhook", "url": "https://example.com/hook"},
                {"name": "Chat", "kind": "apprise", "url": "slack://TokenA/TokenB/TokenC/Channel"},
            ]
        },
    )

    name: Annotated[Line, Field(min_length=1, max_length=200)]
    kind: Literal["apprise", "webhook"]
    url: Annotated[Line, Field(min_length=1, max_length=2048)]
    secret: Annotated[Line, Field(min_length=16, max_length=200)] | None = Field(
        default=None,
        description="Signs webhooks (Standard Webhooks). Made for a new one where none is given.",
    )

    @field_validator("url")
    @classmethod
    def _url(cls, url: str, info: ValidationInfo) -> str:
        kind = info.data.get("kind")
        if kind == "webhook":
            return parse_url(url).text
        if kind == "apprise":
            # Imported when it is first needed: it knows a hundred services, and takes its time.
            from apprise import Apprise

            if Apprise.instantiate(url, suppress_exceptions=True) is None:
                raise ValueError("Apprise knows no service of this form")
        return url

    @field_validator("secret")
    @classmethod
    def _secret(cls, secret: str | None, info: ValidationInfo) -> str | None:
        if secret is not None and info.data.get("kind") == "apprise":
            raise ValueError("only a webhook has a secret")
        if secret is not None and secret.startswith("whsec_"):
            try:
                b64decode(secret.removeprefix("whsec_"), validate=True)
            except binascii.Error:
                raise ValueError("what follows whsec_ must be base64") from None
        return secret


class ChannelOut(BaseModel):
    """A channel. An Apprise URL holds passwords, so only its service is shown."""

    id: int
    name: str
    kind: Literal["apprise", "webhook"]
    url: str
    secret: str | None = Field(description="Told once, when it is made; null later.")
    created_at: AwareDatetime


def channel_out(channel: Channel, *, secret: str | None = None) -> ChannelOut:
    """A stored channel, for a client; `secret` is only what it may see now."""
    url = channel.url
    if channel.kind == "apprise":
        url = f"{urlsplit(url).scheme}://…"
    return ChannelOut.model_validate(
        {
            "id": channel.id,
            "name": channel.name,
            "kind": channel.kind,
            "url": url,
            "secret": secret,
            "created_at": channel.created_at,
        }
    )
