"""stagewatch keys: create the first key, and manage keys without having one."""

import argparse
import sys
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from app.database import Database
from app.errors import InvalidFieldError
from app.keys import service
from app.keys.models import ApiKey
from app.keys.schemas import KeyIn

_ROW = "{:>4}  {:<24}  {:<14}  {:<5}  {:<16}  {:<16}  {}"


def add_commands(subparsers: Any) -> None:
    """Add `keys create | list | revoke`."""
    keys = subparsers.add_parser("keys", help="create, list and revoke API keys")
    commands = keys.add_subparsers(metavar="COMMAND", required=True)

    create = commands.add_parser("create", help="create a key and print it once")
    create.add_argument("name", metavar="NAME", help="who or what uses it")
    create.add_argument("--scope", choices=["read", "write"], required=True)
    create.add_argument("--expires", type=int, metavar="DAYS", help="default: it does not expire")
    create.add_argument("--limit", type=int, metavar="N", help="requests per minute")
    create.set_defaults(func=create_key)

    commands.add_parser("list", help="list all keys").set_defaults(func=list_keys)

    revoke = commands.add_parser("revoke", help="revoke a key")
    revoke.add_argument("id", type=int, metavar="ID", help="its number, from `keys list`")
    revoke.set_defaults(func=revoke_key)


async def create_key(args: argparse.Namespace, database: Database) -> None:
    """Create a key. Only the key is printed to stdout, so that a script can read it."""
    try:
        config = KeyIn(
            name=args.name,
            scope=args.scope,
            expires_days=args.expires,
            requests_per_minute=args.limit,
        )
    except ValidationError as error:
        fault = error.errors()[0]
        raise InvalidFieldError(str(fault["loc"][0]), fault["msg"]) from None
    async with database.transaction() as session:
        key, token = await service.create(session, config)
    print(token)
    print(f"Key {key.id}, {key.scope}. Keep it: it is not shown again.", file=sys.stderr)


async def list_keys(args: argparse.Namespace, database: Database) -> None:  # noqa: ARG001  (all take both)
    async with database.transaction() as session:
        keys = await service.all_keys(session)
    print(_ROW.format("ID", "NAME", "KEY", "SCOPE", "CREATED", "LAST USED", "STATE"))
    for key in keys:
        created, used = _moment(key.created_at), _moment(key.last_used_at)
        row = (key.id, key.name, f"{key.prefix}…", key.scope, created, used, _state(key))
        print(_ROW.format(*row))


async def revoke_key(args: argparse.Namespace, database: Database) -> None:
    async with database.transaction() as session:
        key = await service.revoke(session, args.id)
    print(f"Key {key.id}, {key.name}, is revoked.")


def _moment(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return f"revoked {_moment(key.revoked_at)}"
    if key.expires_at is None:
        return "valid"
    expired = key.expires_at <= datetime.now(UTC)
    return f"{'expired' if expired else 'valid until'} {_moment(key.expires_at)}"
