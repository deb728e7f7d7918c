"""The background work of the flats; each names its own tasks."""

from catalog.holdings import tasks as holdings_tasks  # noqa: F401
