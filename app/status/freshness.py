"""How old the cached summary may be."""

KEY = "status"
# Seconds for which a summary is served as it is: every page asks for it, and a state of
# this age is fresh enough.
FRESH_SECONDS = 5
