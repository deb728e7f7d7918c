"""Staff pages of all flats: Django looks for them here."""

from catalog.holdings import admin as holdings
from catalog.offers import admin as offers

__all__ = ["holdings", "offers"]
