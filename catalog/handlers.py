"""The outbox consumers of the flats; each registers its own at import."""

from catalog.charging import handlers as charging_handlers  # noqa: F401
from catalog.holdings import handlers as holdings_handlers  # noqa: F401
from catalog.orders import handlers as orders_handlers  # noqa: F401
