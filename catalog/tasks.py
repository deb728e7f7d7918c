"""The background work of the flats; each names its own tasks."""

from catalog.holdings import tasks as holdings_tasks  # noqa: F401
from catalog.orders import tasks as orders_tasks  # noqa: F401
from catalog.pauses import tasks as pauses_tasks  # noqa: F401
