"""Staff pages of what is sold."""

from catalog.offers.admin import exceptions, offers, prices, products, rules

__all__ = ["exceptions", "offers", "prices", "products", "rules"]
