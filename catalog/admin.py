"""Staff pages of all flats: Django looks for them here."""

from catalog.offers import admin as offers

__all__ = ["offers"]
