"""Routes for basic information: name and links, health, and the server's time."""

from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict

from app import STAGE, __version__
from app.api.access import requires

router = APIRouter(tags=["service"])


class Home(BaseModel):
    """The service's name, version, stage and links."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "stagewatch",
                    "version": __version__,
                    "stage": STAGE,
                    "links": {"docs": "/docs", "health": "/health"},
                }
            ]
        }
    )

    name: str
    version: str
    stage: str
    links: dict[str, str]


class Health(BaseModel):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class Time(BaseModel):
    """The server's clock, in UTC."""

    time: AwareDatetime


@router.get("/", dependencies=[requires("public")])
async def home() -> Home:
    """Return the name, the version, the stage and links to other routes."""
    links = {
        "docs": "/docs",
        "openapi": "/openapi.json",
        "health": "/health",
        "ready": "/ready",
        "time": "/time",
        "status": "/api/status",
        "monitors": "/api/monitors",
        "incidents": "/api/incidents",
        "channels": "/api/channels",
        "notifications": "/api/notifications",
        "keys": "/api/keys",
        "probe": "/api/probe",
        "events": "/api/events",
        "feed": "/feed.atom",
        "subscriptions": "/api/subscriptions",
    }
    return Home(name="stagewatch", version=__version__, stage=STAGE, links=links)


@router.get("/health", dependencies=[requires("public")])
async def health() -> Health:
    """Return 200 as long as this process responds, with or without its dependencies."""
    return Health()


@router.get("/time", dependencies=[requires("public")])
async def time() -> Time:
    """Return the server's current time in UTC."""
    return Time(time=datetime.now(UTC))
