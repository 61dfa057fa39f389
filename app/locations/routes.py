"""GET /api/locations: where monitors are checked from, and whether a worker is there."""

from fastapi import APIRouter

from app.api.access import requires
from app.api.dependencies import Session
from app.api.problems import documented
from app.locations.figures import all_locations
from app.locations.schemas import LocationsOut

router = APIRouter(
    prefix="/api/locations",
    tags=["locations"],
    dependencies=[requires("read")],
    responses=documented(429, 503),
)


@router.get("")
async def list_locations(session: Session) -> LocationsOut:
    """List the locations that monitors name, and those where a worker has been."""
    return LocationsOut(items=await all_locations(session))
