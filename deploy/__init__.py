"""Changes to a running stack: a new release, or a database restored from a backup.

Standard library only: this must run on a machine that has Docker and nothing else of ours.
"""
