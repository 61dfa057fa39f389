"""What is done without being asked: checking, delivery, upkeep; with Celery or without."""
