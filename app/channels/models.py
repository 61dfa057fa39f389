"""Database tables of channels."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Identity, Index, Integer, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base


class Channel(Base):
    """Where notifications go. `secret` signs webhooks, and is sealed (app.channels.sealing).

    `failures` counts the attempts that have failed since the last success, of any notification.
    Nothing is sent before `retry_at`, which is null while the channel works.
    """

    __tablename__ = "channels"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str | None] = mapped_column(Text)
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    retry_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class MonitorChannel(Base):
    """A channel that a monitor names. Used only if the monitor's `all_channels` is false."""

    __tablename__ = "monitor_channels"
    __table_args__ = (Index("monitor_channels_by_channel", "channel_id"),)

    monitor_id: Mapped[int] = mapped_column(
        ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True
    )
    channel_id: Mapped[int] = mapped_column(
        ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True
    )
