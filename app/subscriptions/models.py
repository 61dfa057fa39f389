"""Subscriptions as they are stored."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base


class Subscription(Base):
    """An address whose owner has confirmed it. `monitor_ids`: null for all, including future ones.

    `unsubscribe_token` is stored in plain text because every mail has the same link for years. It
    only allows unsubscribing, and anyone who can read this table has the address itself.
    `bounces`: consecutive mails that the address's server has refused permanently.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (Index("subscriptions_email", func.lower(text("email")), unique=True),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    email: Mapped[str] = mapped_column(Text)
    monitor_ids: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    unsubscribe_token: Mapped[str] = mapped_column(Text, unique=True)
    bounces: Mapped[int] = mapped_column(BigInteger, server_default="0")
    confirmed_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )


class SignUp(Base):
    """A request for a subscription; it is not confirmed yet that the address is the requester's.

    Only the token's SHA-256 is stored. `mailbox` is the address by which sign-ups are counted.
    """

    __tablename__ = "sign_ups"
    __table_args__ = (
        Index("sign_ups_by_mailbox", "mailbox", "created_at"),
        Index("sign_ups_by_end", "expires_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    email: Mapped[str] = mapped_column(Text)
    mailbox: Mapped[str] = mapped_column(Text)
    monitor_ids: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Broadcast(Base):
    """An event for all subscribers of a monitor; those up to `reached` already have a mail."""

    __tablename__ = "broadcasts"
    __table_args__ = (UniqueConstraint("incident_id", "event"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    monitor_id: Mapped[int] = mapped_column(BigInteger)
    incident_id: Mapped[int] = mapped_column(BigInteger)
    event: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reached: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class Mail(Base):
    """One mail to one address, as app.notifications.models.Notification is to a channel.

    Mails have their own table, so that thousands of them do not delay the team's channels. The
    content of a "folded" mail is included in an earlier mail to the same subscriber. The payload
    of a confirmation holds its token until the mail is sent.
    """

    __tablename__ = "mails"
    __table_args__ = (
        UniqueConstraint("subscription_id", "incident_id", "event"),
        Index("mails_pending", "next_attempt_at", "id", postgresql_where=text("state = 'pending'")),
        Index(
            "mails_in_order", "subscription_id", "id", postgresql_where=text("state = 'pending'")
        ),
        Index("mails_settled", "created_at", postgresql_where=text("state <> 'pending'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    subscription_id: Mapped[int | None] = mapped_column(
        ForeignKey("subscriptions.id", ondelete="CASCADE")
    )
    email: Mapped[str] = mapped_column(Text)
    incident_id: Mapped[int | None] = mapped_column(BigInteger)
    event: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(Text, server_default="pending")
    attempts: Mapped[int] = mapped_column(BigInteger, server_default="0")
    sending: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    next_attempt_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    give_up_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=text("now() + interval '24 hours'")
    )
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
