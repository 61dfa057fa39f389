"""Channels as clients send and receive them."""

import binascii
from base64 import b64decode
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from app.channels.models import Channel
from app.channels.sealing import SEALED
from app.fields import InputModel, Line
from app.probing.urls import parse_url

# Standard Webhooks requires secrets of 24 bytes; some services generate shorter ones.
MIN_SECRET_BYTES = 16


class ChannelIn(InputModel):
    """A destination of notifications: a service that Apprise supports, or a webhook."""

    model_config = ConfigDict(
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
        description="Signs webhooks (Standard Webhooks). Generated for a new webhook if omitted; "
        "must be sent again when the URL changes.",
    )

    @field_validator("url")
    @classmethod
    def _url(cls, url: str, info: ValidationInfo) -> str:
        # Apprise's URLs are parsed by Apprise itself, which is slow: see app.channels.service.
        return parse_url(url).text if info.data.get("kind") == "webhook" else url

    @field_validator("secret")
    @classmethod
    def _secret(cls, secret: str | None, info: ValidationInfo) -> str | None:
        if secret is None:
            return None
        if info.data.get("kind") == "apprise":
            raise ValueError("only webhooks have a secret")
        if secret.startswith(SEALED):
            # From a dump, perhaps; without a key it would be taken for what is sealed.
            raise ValueError(f"it must not begin with {SEALED}, which marks sealed secrets")
        if len(secret.strip()) < MIN_SECRET_BYTES:
            raise ValueError(f"it must have {MIN_SECRET_BYTES} characters, outer blanks excluded")
        if secret.startswith("whsec_"):
            try:
                key = b64decode(secret.removeprefix("whsec_"), validate=True)
            except (binascii.Error, ValueError):
                raise ValueError("the part after whsec_ must be base64") from None
            if len(key) < MIN_SECRET_BYTES:
                raise ValueError(f"the part after whsec_ must be {MIN_SECRET_BYTES} bytes or more")
        return secret


class ChannelOut(BaseModel):
    """A channel. An Apprise URL contains passwords, so only its service is shown."""

    id: int
    name: str
    kind: Literal["apprise", "webhook"]
    url: str
    secret: str | None = Field(description="Only sent once, when Stagewatch generates it.")
    failures: int = Field(description="Failed attempts since the last successful one.")
    retry_at: AwareDatetime | None = Field(
        description="Set after several failures: nothing is sent before then; null: it works."
    )
    created_at: AwareDatetime


def channel_out(channel: Channel, *, secret: str | None = None) -> ChannelOut:
    """Return a stored channel as it is sent to a client; `secret`: one that it may see now."""
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
            "failures": channel.failures,
            "retry_at": channel.retry_at,
            "created_at": channel.created_at,
        }
    )
