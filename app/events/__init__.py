"""What has changed, told to those who watch: published by PostgreSQL's pg_notify."""
