"""Staff pages of what is sold."""

from catalog.offers.admin import discounts, exceptions, offers, prices, products

__all__ = ["discounts", "exceptions", "offers", "prices", "products"]
