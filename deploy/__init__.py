"""What changes a running stack: a database from a backup.

The standard library only: it must run on a machine that has Docker and nothing else of ours.
"""
