"""Add, read, change, test and delete channels."""

import secrets
from base64 import b64encode
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.models import Channel
from app.channels.schemas import ChannelIn, ChannelOut, channel_out
from app.database import Session
from app.monitors.store import MAX_ID
from app.notifications.outbox import enqueue_test
from app.notifications.schemas import NotificationOut
from app.pages import Cursor, Limit, Page, bad_cursor, from_cursor, to_cursor
from app.problems import Problem, documented, invalid

router = APIRouter(prefix="/api/channels", tags=["channels"], responses=documented(429, 503))

Changes = Annotated[dict[str, Any], Body(examples=[{"name": "On call"}])]


@router.get("", responses=documented(422))
async def list_channels(
    session: Session, limit: Limit = 100, cursor: Cursor = None
) -> Page[ChannelOut]:
    """All channels, oldest first."""
    after = 0 if cursor is None else from_cursor(cursor)
    if not isinstance(after, int):
        raise bad_cursor()
    query = select(Channel).where(Channel.id > after).order_by(Channel.id).limit(limit + 1)
    channels = (await session.scalars(query)).all()
    items = [channel_out(channel) for channel in channels[:limit]]
    return Page(items=items, next=to_cursor(items[-1].id) if len(channels) > limit else None)


@router.post("", status_code=201, responses=documented(413, 422))
async def create_channel(config: ChannelIn, session: Session, response: Response) -> ChannelOut:
    """Add a channel. Every monitor tells it, but those that name other channels."""
    channel = Channel()
    _apply(channel, config)
    session.add(channel)
    await session.flush()
    await session.refresh(channel)
    response.headers["Location"] = f"/api/channels/{channel.id}"
    return channel_out(channel, secret=channel.secret)


@router.get("/{channel_id}", responses=documented(404))
async def read_channel(channel_id: int, session: Session) -> ChannelOut:
    """One channel."""
    return channel_out(await _find(session, channel_id))


@router.put("/{channel_id}", responses=documented(404, 413, 422))
async def replace_channel(channel_id: int, config: ChannelIn, session: Session) -> ChannelOut:
    """Give a channel a new configuration. A webhook keeps its secret where none is given."""
    channel = await _find(session, channel_id)
    _apply(channel, config)
    return channel_out(channel, secret=config.secret)


@router.patch("/{channel_id}", responses=documented(404, 413, 422))
async def change_channel(channel_id: int, changes: Changes, session: Session) -> ChannelOut:
    """Change what is named of a channel, and leave the rest as it is."""
    channel = await _find(session, channel_id)
    before = {"name": channel.name, "kind": channel.kind, "url": channel.url}
    try:
        config = ChannelIn.model_validate(before | changes)
    except ValidationError as error:
        raise invalid(error) from None
    _apply(channel, config)
    return channel_out(channel, secret=config.secret)


@router.delete("/{channel_id}", status_code=204, responses=documented(404))
async def delete_channel(channel_id: int, session: Session) -> None:
    """Delete a channel, and what it had still to be told."""
    await session.delete(await _find(session, channel_id))


@router.post("/{channel_id}/test", status_code=202, responses=documented(404))
async def test_channel(channel_id: int, session: Session) -> NotificationOut:
    """Send a test, as everything else is sent: what became of it, /api/notifications tells."""
    await _find(session, channel_id)
    return NotificationOut.model_validate(await enqueue_test(session, channel_id))


async def _find(session: AsyncSession, channel_id: int) -> Channel:
    channel = None
    if 0 < channel_id <= MAX_ID:
        channel = await session.get(Channel, channel_id, with_for_update=True)
    if channel is None:
        raise Problem(404, f"There is no channel {channel_id}.")
    return channel


def _apply(channel: Channel, config: ChannelIn) -> None:
    channel.name, channel.kind, channel.url = config.name, config.kind, config.url
    if config.kind == "apprise":
        channel.secret = None
    else:
        channel.secret = config.secret or channel.secret or new_secret()


def new_secret() -> str:
    """A secret of the form that Standard Webhooks' libraries read: 24 random bytes."""
    return "whsec_" + b64encode(secrets.token_bytes(24)).decode()
