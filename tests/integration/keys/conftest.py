"""Fixtures: an API that requires keys, and keys of every kind."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.keys import service
from app.keys.schemas import KeyIn
from app.main import create_app
from app.settings import Settings
from tests.integration.checks.support import in_transaction

# As API_KEY: it is in no table.
FIRST = "of-the-operator-" + 32 * "x"


class Keys(NamedTuple):
    """Keys of every kind, as request headers."""

    none: dict[str, str]
    read: dict[str, str]
    write: dict[str, str]
    revoked: dict[str, str]
    expired: dict[str, str]


def sent(token: str) -> dict[str, str]:
    """Return the request header for a key."""
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def guarded_settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"api_keys": "required", "api_key": SecretStr(FIRST)})


@pytest.fixture
def guarded(guarded_settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(guarded_settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def keys(settings: Settings) -> Keys:
    async def make(session: AsyncSession) -> Keys:
        tokens = {}
        for name in ("read", "write", "revoked", "expired"):
            scope = "read" if name == "read" else "write"
            config = KeyIn(name=name, scope=scope, expires_days=1)  # type: ignore[arg-type]  # as made above
            key, token = await service.create(session, config)
            tokens[name] = sent(token)
            if name == "revoked":
                await service.revoke(session, key.id)
        past = "UPDATE api_keys SET expires_at = now() - interval '1 s' WHERE name = 'expired'"
        await session.execute(text(past))
        return Keys(none={}, **tokens)

    return in_transaction(settings, make)
