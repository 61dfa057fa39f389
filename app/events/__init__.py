"""Changes sent to the clients that watch, published with PostgreSQL's pg_notify."""
