"""The background work: checking, delivery and upkeep, with or without Celery."""
