"""Routes to create, read and revoke API keys."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import select

from app.api.access import requires
from app.api.authentication import key_of
from app.api.dependencies import DatabaseDep, Session
from app.api.pagination import Page, PageDep, paginate
from app.api.problems import documented
from app.keys import service
from app.keys.keyring import Keyring
from app.keys.models import ApiKey
from app.keys.schemas import CurrentKeyOut, KeyIn, KeyOut, NewKeyOut

router = APIRouter(prefix="/api/keys", tags=["keys"], responses=documented(429, 503))

# Also required to see keys: the owner of a read-only key need not know who else has one.
_WRITE = requires("write")


def _keyring(request: Request) -> Keyring:
    keyring: Keyring = request.app.state.keyring
    return keyring


KeyringDep = Annotated[Keyring, Depends(_keyring)]


@router.get("", dependencies=[_WRITE], responses=documented(422))
async def list_keys(session: Session, page: PageDep) -> Page[KeyOut]:
    """List all keys, oldest first, including revoked ones. API_KEY is not among them."""
    rows, following = await paginate(session, select(ApiKey), page, name="keys", key=ApiKey.id)
    return Page(items=[KeyOut.model_validate(key) for key, _ in rows], next=following)


@router.post("", status_code=201, dependencies=[_WRITE], responses=documented(413, 422))
async def create_key(config: KeyIn, session: Session, response: Response) -> NewKeyOut:
    """Create a key. The key itself is returned only in this response."""
    key, token = await service.create(session, config)
    response.headers["Location"] = f"/api/keys/{key.id}"
    response.headers["Cache-Control"] = "no-store"
    return NewKeyOut(token=token, **KeyOut.model_validate(key).model_dump())


@router.get("/current", dependencies=[requires("read")])
async def read_current_key(request: Request) -> CurrentKeyOut:
    """Return what the key of this request may do; everything, if keys are not required."""
    key = key_of(request.scope)
    if key is None:
        return CurrentKeyOut(required=False, name=None, scope="write")
    return CurrentKeyOut(required=True, name=key.name, scope=key.scope)


@router.get("/{key_id}", dependencies=[_WRITE], responses=documented(404))
async def read_key(key_id: int, session: Session) -> KeyOut:
    """Return one key."""
    return KeyOut.model_validate(await service.find(session, key_id))


@router.delete("/{key_id}", status_code=204, dependencies=[_WRITE], responses=documented(404))
async def revoke_key(key_id: int, database: DatabaseDep, keyring: KeyringDep) -> None:
    """Revoke a key: at once in this process, within two seconds in all others."""
    async with database.transaction() as session:
        await service.revoke(session, key_id)
    keyring.forget()
