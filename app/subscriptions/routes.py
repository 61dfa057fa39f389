"""Subscribe, confirm and unsubscribe, for everybody; list and end subscriptions, for operators."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Request
from limits import RateLimitItemPerHour
from sqlalchemy import func, select
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from app.api.access import requires
from app.api.dependencies import CacheDep, Session
from app.api.pagination import Page, PageDep, paginate
from app.api.problems import Problem, documented
from app.api.rate_limit import client_of
from app.cache import CacheUnavailable
from app.subscriptions import service
from app.subscriptions.models import Subscription
from app.subscriptions.schemas import (
    Asked,
    Confirmed,
    Offer,
    SignUpIn,
    SubscriptionOut,
    TokenIn,
    Unsubscribed,
)

router = APIRouter(
    prefix="/api/subscriptions", tags=["subscriptions"], responses=documented(429, 503)
)
# Not below /api/, where bodies are JSON: mailbox providers send a form (RFC 8058).
one_click = APIRouter(
    tags=["subscriptions"], dependencies=[requires("public")], responses=documented(503)
)

# Sign-ups per client, for any addresses.
SIGN_UPS_AN_HOUR = RateLimitItemPerHour(20)
PAGE = "/subscription/"

Token = Annotated[str, Path(max_length=100)]


class SubscriptionPage(Page[SubscriptionOut]):
    """A page of subscriptions; `total` counts all of them."""

    total: int


def is_offered(request: Request) -> bool:
    """Return whether this installation sends mails."""
    offered: bool = request.app.state.offers_mail
    return offered


async def _few_by_client(request: Request, cache: CacheDep) -> None:
    try:
        hit = await cache.hit(SIGN_UPS_AN_HOUR, f"subscribe:{client_of(request.scope)}")
    except CacheUnavailable:
        # The limit per mailbox is in the database and still applies.
        return
    if not hit.allowed:
        detail = "Too many sign-ups from here; try again later."
        raise Problem(429, detail, headers={"Retry-After": str(hit.reset)})


@router.get("/offer", dependencies=[requires("public")])
async def read_offer(request: Request) -> Offer:
    """Return whether subscribing by e-mail is possible, and where the feed is."""
    return Offer(email=is_offered(request))


@router.post(
    "",
    status_code=202,
    responses=documented(413, 422),
    dependencies=[requires("public"), Depends(_few_by_client)],
)
async def sign_up(asked: SignUpIn, request: Request, session: Session) -> Asked:
    """Request mails about incidents. The address is sent a link that its owner has to follow."""
    if not is_offered(request):
        detail = "No mails can be sent: SMTP_URL, MAIL_FROM and PUBLIC_URL are not all set."
        raise Problem(503, detail)
    await service.sign_up(session, asked.email, asked.monitor_ids)
    return Asked()


@router.post("/confirm", dependencies=[requires("public")], responses=documented(404, 422))
async def confirm(given: TokenIn, session: Session) -> Confirmed:
    """Subscribe the address that the link was sent to."""
    found = await service.confirm(session, given.token)
    chosen = found.monitor_ids
    names = None if chosen is None else await service.names(session, chosen)
    return Confirmed(email=found.email, monitors=names)


@router.post("/unsubscribe", dependencies=[requires("public")], responses=documented(422))
async def unsubscribe(given: TokenIn, session: Session) -> Unsubscribed:
    """End a subscription."""
    await service.unsubscribe(session, given.token)
    return Unsubscribed()


@router.get("", dependencies=[requires("read")], responses=documented(422))
async def list_subscriptions(session: Session, page: PageDep) -> SubscriptionPage:
    """List confirmed addresses, oldest first."""
    rows, following = await paginate(
        session, select(Subscription), page, name="subscriptions", key=Subscription.id
    )
    total = (await session.scalars(select(func.count()).select_from(Subscription))).one()
    items = [SubscriptionOut.model_validate(row) for row, _ in rows]
    return SubscriptionPage(items=items, next=following, total=total)


@router.delete(
    "/{subscription_id}",
    status_code=204,
    dependencies=[requires("write")],
    responses=documented(404),
)
async def delete_subscription(subscription_id: int, session: Session) -> None:
    """End a subscription; its address is not notified."""
    await service.delete(session, subscription_id)


@one_click.get("/unsubscribe/{token}", response_class=Response, status_code=303)
async def show_way_out(token: Token) -> Response:
    """Show the page with the button. This ends nothing, because link scanners follow every link."""
    return RedirectResponse(f"{PAGE}#unsubscribe={quote(token, safe='')}", status_code=303)


@one_click.post("/unsubscribe/{token}", response_class=PlainTextResponse)
async def unsubscribe_by_one_click(token: Token, session: Session) -> str:
    """End a subscription from a mail program's button (RFC 8058). The body is ignored."""
    await service.unsubscribe(session, token)
    return "You are unsubscribed.\n"
