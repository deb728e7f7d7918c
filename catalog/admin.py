"""Staff pages of all flats: Django looks for them here."""

from catalog.charging import admin as charging
from catalog.holdings import admin as holdings
from catalog.offers import admin as offers
from catalog.orders import admin as orders
from catalog.pauses import admin as pauses

__all__ = ["charging", "holdings", "offers", "orders", "pauses"]
