"""The outbox as it is stored."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app import request_id
from app.database import Base


class Notification(Base):
    """One message to one channel.

    The state is pending, then sent; or dead, after too many attempts; or superseded, if a newer
    incident of the same monitor overtook it. While a worker sends it, `sending` is set and
    `next_attempt_at` is the end of the lease: if the worker is killed, another one takes over
    then. A failure after `give_up_at` makes it dead, regardless of the number of attempts.
    `request_id` is that of the request that caused the notification, if any.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        # One row per incident, channel and event, whichever process writes it.
        UniqueConstraint("incident_id", "channel_id", "event", name="notifications_once"),
        # Small, however much has been sent: it contains only unsent notifications.
        Index(
            "notifications_pending",
            "channel_id",
            "next_attempt_at",
            "id",
            postgresql_where=text("state = 'pending'"),
        ),
        # Finds earlier and later notifications of one monitor and channel.
        Index("notifications_in_order", "monitor_id", "channel_id", "id"),
        # For deleting a channel, and notifications past their retention.
        Index("notifications_by_channel", "channel_id"),
        Index("notifications_settled", "created_at", postgresql_where=text("state <> 'pending'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"))
    monitor_id: Mapped[int | None] = mapped_column(ForeignKey("monitors.id", ondelete="CASCADE"))
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id", ondelete="CASCADE"))
    event: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(Text, server_default="pending")
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    sending: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    next_attempt_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    give_up_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=text("now() + interval '24 hours'")
    )
    last_error: Mapped[str | None] = mapped_column(Text)
    # The channel's response to the last attempt that reached it.
    answer: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    request_id: Mapped[str | None] = mapped_column(Text, default=request_id.current.get)
