"""Store that a worker is present at a location, so that clients can see where workers are."""

from sqlalchemy import text

from app.database import Database

_NOTE = text("""
    INSERT INTO locations (name, seen_at) VALUES (:name, now())
    ON CONFLICT (name) DO UPDATE SET seen_at = now()
""")


async def note(database: Database, name: str) -> None:
    """Store that a worker looks for checks at this location. Raises DatabaseUnavailable."""
    async with database.transaction() as session:
        await session.execute(_NOTE, {"name": name})
