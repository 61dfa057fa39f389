"""Request, confirm and end subscriptions: the owner confirms the address; one click ends it."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete as delete_from
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.email_address import mailbox
from app.errors import InvalidFieldError, NotFoundError
from app.monitors.models import Monitor
from app.subscriptions.models import Mail, SignUp, Subscription
from app.subscriptions.sending import NOTIFY

# Links sent to one mailbox per day, whoever asks: this must not be used to flood strangers.
SIGN_UPS_A_DAY = 3
EXPIRES_AFTER = timedelta(hours=48)
TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")

# If two requests for one mailbox arrive at once, the second counts the first.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:mailbox, 0))")
_OLD_LINK = "This link does not work any more. Please subscribe again."


class SubscriptionNotFoundError(NotFoundError):
    """There is no subscription with this id or link."""


def new_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def hashed(token: str) -> bytes:
    """Return the stored hash of a token. Tokens are long and random: no salt, no slow hash."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


async def sign_up(session: AsyncSession, email: str, monitor_ids: Sequence[int] | None) -> None:
    """Send an address the link that is needed to subscribe or to choose other monitors.

    Whether it is sent is not revealed: that would show who has subscribed or how often somebody
    asked. Raises InvalidFieldError for monitors that do not exist.
    """
    await _check_monitors(session, monitor_ids or ())
    key = mailbox(email)
    await session.execute(_ONE_AT_A_TIME, {"mailbox": key})
    recent = select(func.count()).where(
        SignUp.mailbox == key, SignUp.created_at > func.now() - timedelta(days=1)
    )
    if (await session.scalars(recent)).one() >= SIGN_UPS_A_DAY:
        return
    token = new_token()
    session.add(
        SignUp(
            email=email,
            mailbox=key,
            monitor_ids=sorted(set(monitor_ids)) if monitor_ids is not None else None,
            token_hash=hashed(token),
            expires_at=func.now() + EXPIRES_AFTER,
        )
    )
    session.add(Mail(email=email, event="confirm", payload={"token": token}))
    await session.flush()
    await session.execute(NOTIFY)


async def _check_monitors(session: AsyncSession, monitor_ids: Sequence[int]) -> None:
    known = set(await session.scalars(select(Monitor.id).where(Monitor.id.in_(monitor_ids))))
    if missing := sorted(set(monitor_ids) - known):
        numbers = ", ".join(str(number) for number in missing[:10])
        raise InvalidFieldError("monitor_ids", f"there is no monitor {numbers}")


async def confirm(session: AsyncSession, token: str) -> Subscription:
    """Subscribe the address that a link was sent to. Raises SubscriptionNotFoundError."""
    query = select(SignUp).where(SignUp.token_hash == hashed(token), SignUp.expires_at > func.now())
    asked = await session.scalar(query.with_for_update())
    if asked is None:
        raise SubscriptionNotFoundError(_OLD_LINK)
    if asked.used_at is not None:
        # A second click. But an old mail must not resubscribe somebody who has unsubscribed since.
        found: Subscription | None = await session.scalar(
            select(Subscription).where(func.lower(Subscription.email) == asked.email.lower())
        )
        if found is None:
            raise SubscriptionNotFoundError(_OLD_LINK)
        return found
    asked.used_at = func.now()
    statement = (
        insert(Subscription)
        .values(email=asked.email, monitor_ids=asked.monitor_ids, unsubscribe_token=new_token())
        .on_conflict_do_update(
            index_elements=[func.lower(Subscription.email)],
            set_={"monitor_ids": asked.monitor_ids, "bounces": 0},
        )
        .returning(Subscription)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one()


async def names(session: AsyncSession, monitor_ids: Sequence[int]) -> list[str]:
    """Return the names of those of these monitors that exist."""
    query = select(Monitor.name).where(Monitor.id.in_(monitor_ids)).order_by(Monitor.name)
    return list(await session.scalars(query))


async def unsubscribe(session: AsyncSession, token: str) -> None:
    """End the subscription of a link, if there is one, and delete its waiting mails."""
    if _TOKEN.fullmatch(token):
        await session.execute(
            delete_from(Subscription).where(Subscription.unsubscribe_token == token)
        )


async def delete(session: AsyncSession, subscription_id: int) -> None:
    """End a subscription. Raises SubscriptionNotFoundError."""
    found = None
    if 0 < subscription_id < 2**63:
        found = await session.get(Subscription, subscription_id)
    if found is None:
        raise SubscriptionNotFoundError(f"There is no subscription {subscription_id}.")
    await session.delete(found)
    await session.flush()
