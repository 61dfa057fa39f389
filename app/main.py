"""The FastAPI application, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import __version__, home, problems, ready
from app.bodies import BodyLimit
from app.cache import open_cache
from app.channels import routes as channels
from app.checks import routes as checks
from app.database import Database
from app.heartbeats import routes as heartbeats
from app.incidents import routes as incidents
from app.monitors import routes as monitors
from app.notifications import routes as notifications
from app.probing import routes as probing
from app.probing.prober import Prober
from app.ratelimit import RateLimit
from app.settings import Settings, load_settings
from app.status import routes as status


def create_app(settings: Settings | None = None) -> FastAPI:
    """A new application; without `settings` they come from the environment."""
    settings = settings or load_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database = Database(settings.database_url, pool_size=settings.database_pool_size)
        app.state.cache = open_cache(settings.redis_url)
        app.state.prober = Prober(settings.allowed_networks, settings.nameservers or None)
        yield
        await app.state.prober.close()
        await app.state.cache.close()
        await app.state.database.close()

    app = FastAPI(
        title="Stagewatch",
        version=__version__,
        summary="An uptime monitor",
        lifespan=lifespan,
    )
    app.add_middleware(BodyLimit)
    # Added last, so it comes first: who asks too often costs no more than this.
    app.add_middleware(RateLimit, per_minute=settings.rate_limit_per_minute)
    problems.install(app)
    app.include_router(home.router)
    app.include_router(ready.router)
    app.include_router(probing.router)
    app.include_router(monitors.router)
    app.include_router(checks.router)
    app.include_router(incidents.router)
    app.include_router(channels.router)
    app.include_router(notifications.router)
    app.include_router(status.router)
    app.include_router(heartbeats.router)
    return app
