"""Create, change and delete channels."""

import asyncio
import secrets
from base64 import b64encode

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.apprise_services import load_service
from app.channels.models import Channel
from app.channels.schemas import ChannelIn
from app.channels.sealing import Sealer
from app.errors import ConflictError, InvalidFieldError, NotFoundError, PreconditionFailedError
from app.events.publishing import publish_config

MAX_ID = 2**31 - 1
# Monitors that an error message names; the others are only counted.
NAMED_MONITORS = 5

_NAMED_BY = text("""
    SELECT m.name, count(*) OVER () AS of
    FROM monitor_channels mc JOIN monitors m ON m.id = mc.monitor_id
    WHERE mc.channel_id = :channel_id
    ORDER BY m.id
    LIMIT :limit
""")


class ChannelNotFoundError(NotFoundError):
    """There is no channel with this number."""


async def find(
    session: AsyncSession,
    channel_id: int,
    *,
    lock: bool = False,
    expected_version: int | None = None,
) -> Channel:
    """Return a channel; with `lock`, no other transaction changes it before this one ends.

    Raises ChannelNotFoundError, and PreconditionFailedError if its version is not the expected one.
    """
    channel = None
    if 0 < channel_id <= MAX_ID:
        query = select(Channel).where(Channel.id == channel_id)
        if lock:
            # Rows that only refer to the channel are not blocked: storing results need not wait.
            query = query.with_for_update(key_share=True)
        channel = await session.scalar(query)
    if channel is None:
        raise ChannelNotFoundError(f"There is no channel {channel_id}.")
    if expected_version is not None and channel.version != expected_version:
        raise PreconditionFailedError("The channel has changed in the meantime; read it again.")
    return channel


async def create(session: AsyncSession, config: ChannelIn, sealer: Sealer) -> Channel:
    """Store a new channel; generate a secret for a webhook that has none.

    Raises InvalidFieldError.
    """
    await _check_url(config)
    channel = Channel(name=config.name, kind=config.kind, url=config.url)
    if config.kind == "webhook":
        channel.secret = sealer.seal(config.secret or new_secret())
    session.add(channel)
    await session.flush()
    await session.refresh(channel)
    await publish_config(session)
    return channel


def check_kind(channel: Channel, kind: object) -> None:
    """Raise InvalidFieldError if the kind would change.

    As a webhook, an Apprise channel would show its URL, which contains passwords.
    """
    if kind != channel.kind:
        raise InvalidFieldError("kind", "a channel's kind can't be changed; create a new channel")


async def change(
    session: AsyncSession, channel: Channel, config: ChannelIn, sealer: Sealer
) -> None:
    """Give a locked channel a new configuration. A webhook keeps its secret with its URL.

    With another URL the secret must be sent again. Otherwise a client that may change a channel but
    never saw its secret could have Stagewatch sign for its own server. Raises InvalidFieldError.
    """
    check_kind(channel, config.kind)
    moved = config.url != channel.url
    if moved and config.kind == "webhook" and config.secret is None:
        raise InvalidFieldError("secret", "a new URL needs the secret too; send both")
    if moved:
        await _check_url(config)
        # Failures of the old address say nothing about the new one.
        channel.failures = 0
        channel.retry_at = None
    before = (channel.name, channel.url, channel.secret)
    channel.name, channel.url = config.name, config.url
    if config.secret is not None and not sealer.holds(channel.secret, config.secret):
        channel.secret = sealer.seal(config.secret)
    if (channel.name, channel.url, channel.secret) != before:
        channel.version += 1
    await session.flush()
    await publish_config(session)


async def renew_secret(session: AsyncSession, channel: Channel, sealer: Sealer) -> str:
    """Give a locked webhook a new secret, and return it. Raises ConflictError for other kinds."""
    if channel.kind != "webhook":
        raise ConflictError("Only webhooks have a secret.")
    secret = new_secret()
    channel.secret = sealer.seal(secret)
    channel.version += 1
    await session.flush()
    return secret


async def delete(
    session: AsyncSession,
    channel_id: int,
    *,
    force: bool = False,
    expected_version: int | None = None,
) -> None:
    """Delete a channel and its pending notifications.

    Raises ConflictError if monitors name it, unless `force`: they would notify one channel less, or
    none at all.
    """
    channel = await find(session, channel_id, expected_version=expected_version)
    # Before any other lock: a transaction that stores a monitor or a notification for the channel
    # locks its row, and either commits before this one or no longer finds the channel.
    query = select(Channel.version).where(Channel.id == channel_id).with_for_update()
    version = await session.scalar(query)
    if version is None:
        raise ChannelNotFoundError(f"There is no channel {channel_id}.")
    if expected_version not in (None, version):
        raise PreconditionFailedError("The channel has changed in the meantime; read it again.")
    if not force:
        values = {"channel_id": channel_id, "limit": NAMED_MONITORS}
        rows = (await session.execute(_NAMED_BY, values)).all()
        if rows:
            names = ", ".join(row.name for row in rows)
            more = f" and {rows[0].of - len(rows)} more" if rows[0].of > len(rows) else ""
            raise ConflictError(
                f"Monitors use this channel: {names}{more}. Delete it with ?force=true."
            )
    await session.delete(channel)
    await session.flush()
    await publish_config(session)


async def _check_url(config: ChannelIn) -> None:
    if config.kind != "apprise":
        return
    try:
        # In a thread: the first import of Apprise takes a second.
        await asyncio.to_thread(load_service, config.url)
    except ValueError as error:
        raise InvalidFieldError("url", str(error)) from None


def new_secret() -> str:
    """Return a secret in the form that Standard Webhooks' libraries read: 24 random bytes."""
    return "whsec_" + b64encode(secrets.token_bytes(24)).decode()
