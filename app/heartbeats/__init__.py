"""Jobs that call us, and are down when they do not."""
