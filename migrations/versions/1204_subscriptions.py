"""Subscriptions to the status page, and the mails to be sent."""

from alembic import op

revision = "1204"
down_revision = "1203"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE subscriptions (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            email text NOT NULL,
            monitor_ids bigint[],
            unsubscribe_token text NOT NULL UNIQUE,
            bounces bigint NOT NULL DEFAULT 0,
            confirmed_at timestamptz NOT NULL DEFAULT now()
        )
    """)
    # Servers may distinguish Ann@example.com from ann@example.com, but none does.
    op.execute("CREATE UNIQUE INDEX subscriptions_email ON subscriptions (lower(email))")
    op.execute("""
        CREATE TABLE sign_ups (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            email text NOT NULL,
            mailbox text NOT NULL,
            monitor_ids bigint[],
            token_hash bytea NOT NULL UNIQUE,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz NOT NULL,
            used_at timestamptz
        )
    """)
    op.execute("CREATE INDEX sign_ups_by_mailbox ON sign_ups (mailbox, created_at)")
    op.execute("CREATE INDEX sign_ups_by_end ON sign_ups (expires_at)")
    # No foreign key to the incident: deleting a monitor with its incidents does not have to wait
    # for mails, or mails for the deletion.
    op.execute("""
        CREATE TABLE broadcasts (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            monitor_id bigint NOT NULL,
            incident_id bigint NOT NULL,
            event text NOT NULL,
            payload jsonb NOT NULL,
            reached bigint NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL DEFAULT now(),
            UNIQUE (incident_id, event)
        )
    """)
    op.execute("""
        CREATE TABLE mails (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            subscription_id bigint REFERENCES subscriptions (id) ON DELETE CASCADE,
            email text NOT NULL,
            incident_id bigint,
            event text NOT NULL,
            payload jsonb NOT NULL,
            state text NOT NULL DEFAULT 'pending',
            attempts bigint NOT NULL DEFAULT 0,
            sending boolean NOT NULL DEFAULT false,
            next_attempt_at timestamptz NOT NULL DEFAULT now(),
            give_up_at timestamptz NOT NULL DEFAULT now() + interval '24 hours',
            last_error text,
            created_at timestamptz NOT NULL DEFAULT now(),
            sent_at timestamptz,
            UNIQUE (subscription_id, incident_id, event)
        )
    """)
    op.execute("CREATE INDEX mails_pending ON mails (next_attempt_at, id) WHERE state = 'pending'")
    # The pending mails of one subscriber, in order.
    op.execute("CREATE INDEX mails_in_order ON mails (subscription_id, id) WHERE state = 'pending'")
    op.execute("CREATE INDEX mails_settled ON mails (created_at) WHERE state <> 'pending'")


def downgrade() -> None:
    op.execute("DROP TABLE mails, broadcasts, sign_ups, subscriptions")
