"""That a worker is there, noted for those who ask from where there is one."""

from sqlalchemy import text

from app.database import Database

_NOTE = text("""
    INSERT INTO locations (name, seen_at) VALUES (:name, now())
    ON CONFLICT (name) DO UPDATE SET seen_at = now()
""")


async def note(database: Database, name: str) -> None:
    """Note that a worker looks for checks from this location. Raises DatabaseUnavailable."""
    async with database.transaction() as session:
        await session.execute(_NOTE, {"name": name})
