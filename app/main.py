"""Assembles the FastAPI application."""

from fastapi import FastAPI

from app import __version__, home
from app.settings import Settings, load_settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return a new application; `settings` default to those from the environment."""
    settings = settings or load_settings()
    app = FastAPI(
        title="Stagewatch",
        version=__version__,
        summary="An uptime monitor",
    )
    app.include_router(home.router)
    return app
