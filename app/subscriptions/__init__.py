"""E-mail notifications about incidents, for people who subscribe on the status page."""
