"""The table of API keys: their properties and digests, never the keys themselves."""

from datetime import datetime
from typing import Literal

from sqlalchemy import BigInteger, DateTime, Identity, Integer, LargeBinary, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base

Scope = Literal["read", "write"]
"""What a key allows: reading everything, or changing it too."""


class ApiKey(Base):
    """A key. `prefix` is its beginning, so that users can tell it from others."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scope: Mapped[Scope] = mapped_column(Text)
    requests_per_minute: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
