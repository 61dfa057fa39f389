"""What changes a running stack: a new release, and a database from a backup.

The standard library only: it must run on a machine that has Docker and nothing else of ours.
"""
