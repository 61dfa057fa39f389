"""A channel's life: create, change, delete."""

import asyncio
import secrets
from base64 import b64encode

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.apprise_services import load_service
from app.channels.models import Channel
from app.channels.schemas import ChannelIn
from app.errors import ConflictError, InvalidFieldError, NotFoundError, PreconditionFailedError
from app.events.publishing import publish_config

MAX_ID = 2**31 - 1
# Monitors that a refusal names; it counts the others.
NAMED_MONITORS = 5

_NAMED_BY = text("""
    SELECT m.name, count(*) OVER () AS of
    FROM monitor_channels mc JOIN monitors m ON m.id = mc.monitor_id
    WHERE mc.channel_id = :channel_id
    ORDER BY m.id
    LIMIT :limit
""")


class ChannelNotFoundError(NotFoundError):
    """There is no channel of this number."""


async def find(
    session: AsyncSession,
    channel_id: int,
    *,
    lock: bool = False,
    expected_version: int | None = None,
) -> Channel:
    """Return a channel; with `lock`, no other transaction changes it before this one ends.

    Raises ChannelNotFoundError, and PreconditionFailedError when it has another version than the
    one expected.
    """
    channel = None
    if 0 < channel_id <= MAX_ID:
        query = select(Channel).where(Channel.id == channel_id)
        if lock:
            # Not against those who only refer to it: results that are stored need not wait.
            query = query.with_for_update(key_share=True)
        channel = await session.scalar(query)
    if channel is None:
        raise ChannelNotFoundError(f"There is no channel {channel_id}.")
    if expected_version is not None and channel.version != expected_version:
        raise PreconditionFailedError("The channel has been changed since; read it again.")
    return channel


async def create(session: AsyncSession, config: ChannelIn) -> Channel:
    """Store a new channel, with a new secret for a webhook that comes without one.

    Raises InvalidFieldError.
    """
    await _check_url(config)
    channel = Channel(name=config.name, kind=config.kind, url=config.url, secret=config.secret)
    if config.kind == "webhook" and channel.secret is None:
        channel.secret = new_secret()
    session.add(channel)
    await session.flush()
    await session.refresh(channel)
    await publish_config(session)
    return channel


def check_kind(channel: Channel, kind: object) -> None:
    """Raise InvalidFieldError for another kind.

    As a webhook, an Apprise channel would show its URL, which holds passwords.
    """
    if kind != channel.kind:
        raise InvalidFieldError("kind", "a channel keeps its kind; make a new one")


async def change(session: AsyncSession, channel: Channel, config: ChannelIn) -> None:
    """Give a locked channel a new configuration. A webhook keeps its secret with its URL.

    With another URL the secret must come again: who may change a channel, but never saw its
    secret, could have Stagewatch sign for a server of their own. Raises InvalidFieldError.
    """
    check_kind(channel, config.kind)
    moved = config.url != channel.url
    if moved and config.kind == "webhook" and config.secret is None:
        raise InvalidFieldError("secret", "another URL needs its secret; send both")
    if moved:
        await _check_url(config)
        # What is known of the old address says nothing about the new one.
        channel.failures = 0
        channel.retry_at = None
    before = (channel.name, channel.url, channel.secret)
    channel.name, channel.url = config.name, config.url
    channel.secret = config.secret or channel.secret
    if (channel.name, channel.url, channel.secret) != before:
        channel.version += 1
    await session.flush()
    await publish_config(session)


async def renew_secret(session: AsyncSession, channel: Channel) -> str:
    """Give a locked webhook a new secret, and return it. Raises ConflictError for other kinds."""
    if channel.kind != "webhook":
        raise ConflictError("Only a webhook has a secret.")
    channel.secret = new_secret()
    channel.version += 1
    await session.flush()
    return channel.secret


async def delete(
    session: AsyncSession,
    channel_id: int,
    *,
    force: bool = False,
    expected_version: int | None = None,
) -> None:
    """Delete a channel and the notifications that it has not been sent.

    Raises ConflictError when monitors name it, unless `force`: they would tell one less, or
    nobody at all.
    """
    channel = await find(session, channel_id, expected_version=expected_version)
    # Before any other lock: a transaction that stores a monitor or a notification for the channel
    # has its row locked, and either commits before this one or does not find the channel any more.
    query = select(Channel.version).where(Channel.id == channel_id).with_for_update()
    version = await session.scalar(query)
    if version is None:
        raise ChannelNotFoundError(f"There is no channel {channel_id}.")
    if expected_version not in (None, version):
        raise PreconditionFailedError("The channel has been changed since; read it again.")
    if not force:
        values = {"channel_id": channel_id, "limit": NAMED_MONITORS}
        rows = (await session.execute(_NAMED_BY, values)).all()
        if rows:
            names = ", ".join(row.name for row in rows)
            more = f" and {rows[0].of - len(rows)} more" if rows[0].of > len(rows) else ""
            raise ConflictError(
                f"Monitors name this channel: {names}{more}. Delete it with ?force=true."
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
    """Return a secret of the form that Standard Webhooks' libraries read: 24 random bytes."""
    return "whsec_" + b64encode(secrets.token_bytes(24)).decode()
