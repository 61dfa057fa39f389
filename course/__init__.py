"""The course: lists, tags, checks and joins the chain of stages (``python3 -m course``).

It needs only git and the standard library, because it must run before anything is installed.
"""
