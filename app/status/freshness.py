"""How old the cached summary may be."""

KEY = "status"
# Seconds for which a cached summary is served: every page requests it, and a state of this
# age is fresh enough.
FRESH_SECONDS = 5
