"""The business operations that billing offers, one module each; importing this room registers them."""

from billing.operations import bill_pay

__all__ = ["bill_pay"]
