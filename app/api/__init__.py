"""What all routes share: problem details, limits, pagination."""
