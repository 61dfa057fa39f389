"""Assembles the FastAPI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import __version__, home, ready
from app.api import openapi, problems
from app.api.authentication import AuthenticationMiddleware
from app.api.body_limit import BodyLimitMiddleware
from app.api.content_type import JsonOnlyMiddleware
from app.api.head import HeadMiddleware
from app.api.origins import AllowedHostsMiddleware, SameOriginMiddleware
from app.api.proxies import TrustedProxiesMiddleware
from app.api.rate_limit import RateLimitMiddleware
from app.api.request_log import RequestLogMiddleware
from app.cache import open_cache
from app.channels import routes as channels
from app.channels.sealing import Sealer
from app.checks import routes as checks
from app.checks.following import FollowedChecks
from app.checks.switching import Switching
from app.config_file import routes as config_file
from app.database import Database
from app.events import routes as events
from app.events.hub import Hub
from app.incidents import routes as incidents
from app.incidents.public import public_event
from app.keys import routes as keys
from app.keys.keyring import Keyring
from app.locations import routes as locations
from app.maintenance import routes as maintenance
from app.metrics import resources
from app.metrics import routes as metrics
from app.metrics.figures import Figures
from app.monitors import heartbeats
from app.monitors import routes as monitors
from app.monitors.pings import PingWriter
from app.notifications import routes as notifications
from app.open_files import connections
from app.probing import routes as probing
from app.probing.prober import Prober
from app.settings import Settings, load_settings
from app.status import routes as status
from app.status.cached import CachedSummary
from app.subscriptions import routes as subscriptions

ROUTERS = (
    home.router,
    ready.router,
    metrics.router,
    probing.router,
    monitors.router,
    checks.router,
    incidents.router,
    locations.router,
    channels.router,
    notifications.router,
    keys.router,
    maintenance.router,
    config_file.router,
    status.router,
    subscriptions.router,
    subscriptions.one_click,
    events.router,
    heartbeats.router,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return a new application; `settings` default to those from the environment."""
    settings = settings or load_settings(seals=True)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database = Database(settings.database_url, pool_size=settings.database_pool_size)
        resources.watch(app.state.database)
        app.state.figures = Figures(app.state.database, limit=settings.metrics_monitors)
        app.state.cache = open_cache(settings.redis_url)
        app.state.keyring = Keyring(app.state.database, settings.first_key)
        app.state.sealer = Sealer(settings.webhook_keys)
        app.state.prober = Prober(settings.allowed_networks, settings.nameservers or None)
        app.state.switching = Switching(app.state.database)
        app.state.summary = CachedSummary(
            app.state.database, app.state.cache, public=settings.keys_required
        )
        streams = min(settings.max_streams, max(connections(settings.max_connections) // 2, 1))
        app.state.hub = Hub(settings.database_url, limit=streams, publicly=public_event)
        app.state.followed_checks = FollowedChecks(app.state.database, app.state.hub.send_check)
        app.state.ping_writer = PingWriter(
            app.state.database, app.state.cache, per_minute=settings.ping_limit_per_minute
        )
        yield
        await app.state.switching.close()
        await app.state.summary.close()
        await app.state.ping_writer.close()
        await app.state.keyring.close()
        await app.state.prober.close()
        await app.state.cache.close()
        await app.state.database.close()

    app = FastAPI(
        title="Stagewatch",
        version=__version__,
        summary="An uptime monitor",
        lifespan=lifespan,
    )
    app.state.keys_required = settings.keys_required
    app.state.public_url = settings.public_url
    app.state.offers_mail = settings.offers_mail
    # Middleware added last runs first: every request is logged whatever its outcome, one for the
    # wrong host is refused before anything else, and one over the limit costs only the counting.
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(JsonOnlyMiddleware)
    app.add_middleware(SameOriginMiddleware)
    app.add_middleware(HeadMiddleware)
    app.add_middleware(RateLimitMiddleware, per_minute=settings.rate_limit_per_minute)
    if settings.keys_required:
        app.add_middleware(AuthenticationMiddleware)
    app.add_middleware(heartbeats.PingMiddleware)
    app.add_middleware(AllowedHostsMiddleware, allowed=settings.allowed_hosts)
    app.add_middleware(RequestLogMiddleware, every=settings.access_log)
    app.add_middleware(TrustedProxiesMiddleware, trusted=settings.trusted_proxies)
    problems.install(app)
    openapi.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app
