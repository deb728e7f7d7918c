"""The business operations that arrears offer, one module each; importing this room registers them."""

from arrears.operations import bill_promise, number_restore, service_dispute_disconnection

__all__ = ["bill_promise", "number_restore", "service_dispute_disconnection"]
