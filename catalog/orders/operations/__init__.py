"""The business operations of orders, one module each; importing this registers them."""

from catalog.orders.operations import order_cancel, package_cancel, package_change, package_order, vas_switch

__all__ = ["order_cancel", "package_cancel", "package_change", "package_order", "vas_switch"]
