"""Code shared by all routes: problem details, limits, pagination."""
