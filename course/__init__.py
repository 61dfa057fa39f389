"""The course: lists, tags, checks and joins the chain of stages (``python3 -m course``).

It needs git and the standard library only, because it must run before anything is installed.
"""
