"""What runs in the background: checking, delivery, upkeep; with Celery or without."""
