"""Add, read, change, test and delete channels."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import ValidationError
from sqlalchemy import select

from app.api.access import requires
from app.api.dependencies import Session
from app.api.etags import IfMatch, etag
from app.api.pagination import Page, PageDep, paginate
from app.api.problems import documented, invalid_fields
from app.channels import service
from app.channels.models import Channel
from app.channels.schemas import ChannelIn, ChannelOut, channel_out
from app.notifications.outbox import enqueue_test
from app.notifications.schemas import NotificationOut

router = APIRouter(
    prefix="/api/channels",
    tags=["channels"],
    dependencies=[requires("read", changing="write")],
    responses=documented(429, 503),
)

Changes = Annotated[dict[str, Any], Body(examples=[{"name": "On call"}])]


@router.get("", responses=documented(422))
async def list_channels(session: Session, page: PageDep) -> Page[ChannelOut]:
    """All channels, oldest first."""
    rows, following = await paginate(
        session, select(Channel), page, name="channels", key=Channel.id
    )
    return Page(items=[channel_out(channel) for channel, _ in rows], next=following)


@router.post("", status_code=201, responses=documented(413, 422))
async def create_channel(config: ChannelIn, session: Session, response: Response) -> ChannelOut:
    """Add a channel. Every monitor tells it, but those that name other channels.

    A secret that Stagewatch makes is in this answer and in no other.
    """
    channel = await service.create(session, config)
    response.headers["Location"] = f"/api/channels/{channel.id}"
    response.headers["ETag"] = etag(channel.version)
    return channel_out(channel, secret=None if config.secret else channel.secret)


@router.get("/{channel_id}", responses=documented(404))
async def read_channel(channel_id: int, session: Session, response: Response) -> ChannelOut:
    """One channel."""
    channel = await service.find(session, channel_id)
    response.headers["ETag"] = etag(channel.version)
    return channel_out(channel)


@router.put("/{channel_id}", responses=documented(404, 412, 413, 422))
async def replace_channel(
    channel_id: int, config: ChannelIn, session: Session, response: Response, expected: IfMatch
) -> ChannelOut:
    """Give a channel a new configuration. A webhook keeps its secret as long as its URL."""
    channel = await service.find(session, channel_id, lock=True, expected_version=expected)
    await service.change(session, channel, config)
    response.headers["ETag"] = etag(channel.version)
    return channel_out(channel)


@router.patch("/{channel_id}", responses=documented(404, 412, 413, 422))
async def change_channel(
    channel_id: int, changes: Changes, session: Session, response: Response, expected: IfMatch
) -> ChannelOut:
    """Change what is named of a channel, and leave the rest as it is."""
    channel = await service.find(session, channel_id, lock=True, expected_version=expected)
    # First, because validation as another kind would blame the URL.
    service.check_kind(channel, changes.get("kind", channel.kind))
    before = {"name": channel.name, "kind": channel.kind, "url": channel.url}
    try:
        config = ChannelIn.model_validate(before | changes)
    except ValidationError as error:
        raise invalid_fields(error.errors()) from None
    await service.change(session, channel, config)
    response.headers["ETag"] = etag(channel.version)
    return channel_out(channel)


@router.delete("/{channel_id}", status_code=204, responses=documented(404, 409, 412))
async def delete_channel(
    channel_id: int, session: Session, expected: IfMatch, *, force: bool = False
) -> None:
    """Delete a channel with its pending notifications; `force`: even if monitors name it."""
    await service.delete(session, channel_id, force=force, expected_version=expected)


@router.post("/{channel_id}/secret", responses=documented(404, 409, 412))
async def renew_secret(
    channel_id: int, session: Session, response: Response, expected: IfMatch
) -> ChannelOut:
    """Give a webhook a new secret. It is in this answer and in no other."""
    channel = await service.find(session, channel_id, lock=True, expected_version=expected)
    secret = await service.renew_secret(session, channel)
    response.headers["ETag"] = etag(channel.version)
    return channel_out(channel, secret=secret)


@router.post("/{channel_id}/test", status_code=202, responses=documented(404))
async def test_channel(channel_id: int, session: Session) -> NotificationOut:
    """Send a test like any notification; /api/notifications shows what became of it.

    A channel that waits after failures is tried at once.
    """
    channel = await service.find(session, channel_id, lock=True)
    channel.retry_at = None
    return NotificationOut.model_validate(await enqueue_test(session, channel_id))
