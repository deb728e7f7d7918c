"""Gateways that take money by a customer's standing agreement, without the customer at a cashier."""
