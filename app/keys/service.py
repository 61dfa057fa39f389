"""Create and revoke keys. Keys are never changed, so none can gain rights unnoticed."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import NotFoundError
from app.fields import MAX_ID
from app.keys.models import ApiKey
from app.keys.schemas import KeyIn
from app.keys.tokens import PREFIX_CHARACTERS, digest, new_token


class KeyNotFoundError(NotFoundError):
    """There is no key with this number."""


async def create(session: AsyncSession, config: KeyIn) -> tuple[ApiKey, str]:
    """Store a new key; return it and its token, which can't be retrieved again."""
    token = new_token()
    days = config.expires_days
    key = ApiKey(
        name=config.name,
        prefix=token[:PREFIX_CHARACTERS],
        digest=digest(token),
        scope=config.scope,
        requests_per_minute=config.requests_per_minute,
        # By the same clock with which it is compared later.
        expires_at=None if days is None else func.now() + timedelta(days=days),
    )
    session.add(key)
    await session.flush()
    await session.refresh(key)
    return key, token


async def find(session: AsyncSession, key_id: int) -> ApiKey:
    """Return a key. Raises KeyNotFoundError."""
    key = await session.get(ApiKey, key_id) if 0 < key_id <= MAX_ID else None
    if key is None:
        raise KeyNotFoundError(f"There is no key {key_id}.")
    return key


async def revoke(session: AsyncSession, key_id: int) -> ApiKey:
    """Revoke a key; a key that is revoked already stays as it is. Raises KeyNotFoundError."""
    key = await find(session, key_id)
    if key.revoked_at is None:
        key.revoked_at = func.now()
        await session.flush()
        await session.refresh(key)
    return key


async def all_keys(session: AsyncSession) -> list[ApiKey]:
    """Return all keys, oldest first. There are only as many as operators have created."""
    return list(await session.scalars(select(ApiKey).order_by(ApiKey.id)))
