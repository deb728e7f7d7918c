"""The business operations of the flats; importing a flat's module registers them."""

from catalog.holdings import operations as holdings_operations  # noqa: F401
from catalog.orders import operations as orders_operations  # noqa: F401
from catalog.pauses import operations as pauses_operations  # noqa: F401
