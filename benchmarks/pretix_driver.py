"""Runs inside pretix's own virtual environment: orders and confirms, as told on standard input.

Each line in is `orders N` or `statements`; each line out is one JSON value: the seconds that N orders took, or how many
statements one of them needs. Only pretix's own services are timed: the task that its checkout calls, and the
confirmation that a payment provider's webhook calls. The cart is filled before, so that its price is not in the figure.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

PRICE = Decimal("26.00")


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "pretix.settings"
    import django

    django.setup()
    with _all_organizers():
        shop = Shop()
        _say("ready")
        for line in sys.stdin:
            command, _, number = line.strip().partition(" ")
            _say(shop.timed(int(number)) if command == "orders" else shop.statements())


class Shop:
    """An event that sells one ticket, with a quota, paid outside of pretix."""

    def __init__(self) -> None:
        self.models = importlib.import_module("pretix.base.models")
        self.perform_order = importlib.import_module("pretix.base.services.orders").perform_order
        self.event = self._event()
        self.ticket = self.event.items.create(name="Ticket", default_price=PRICE, admission=True)
        quota = self.event.quotas.create(name="Tickets", size=1_000_000)
        quota.items.add(self.ticket)
        self.carts = 0

    def timed(self, count: int) -> float:
        """Seconds for `count` orders, each placed and confirmed."""
        carts = [self._cart() for _ in range(count)]
        started = time.perf_counter()
        for cart in carts:
            self._order_and_confirm(cart)
        return time.perf_counter() - started

    def statements(self) -> int:
        """How many statements one order with its confirmation sends."""
        from django.db import connection

        cart, seen = self._cart(), []

        def count(execute: Any, *arguments: Any) -> Any:
            seen.append(1)
            return execute(*arguments)

        with connection.execute_wrapper(count):
            self._order_and_confirm(cart)
        return len(seen)

    def _order_and_confirm(self, cart: Any) -> None:
        placed = self.perform_order(
            event=self.event.pk,
            payments=[_payment()],
            positions=[cart.pk],
            email="customer@example.org",
            locale="en",
            shown_total=str(PRICE),
            cart_id=cart.cart_id,
        )
        payment = self.models.OrderPayment.objects.select_related("order__event__organizer").get(
            order_id=placed["order_id"]
        )
        payment.confirm()
        if payment.order.status != self.models.Order.STATUS_PAID:
            raise RuntimeError(f"order {payment.order.code} is not paid: {placed['warnings']}")

    def _cart(self) -> Any:
        from django.utils import timezone

        self.carts += 1
        return self.models.CartPosition.objects.create(
            event=self.event,
            cart_id=f"bench-{self.carts}",
            item=self.ticket,
            price=PRICE,
            listed_price=PRICE,
            price_after_voucher=PRICE,
            expires=timezone.now() + timedelta(days=1),
        )

    def _event(self) -> Any:
        from django.utils import timezone

        organizer = self.models.Organizer.objects.create(name="Bench", slug="bench")
        event = self.models.Event.objects.create(
            organizer=organizer,
            name="Bench",
            slug="bench",
            currency="EUR",
            live=True,
            date_from=timezone.now() + timedelta(days=100),
            plugins="pretix.plugins.banktransfer,pretix.plugins.manualpayment",
        )
        event.settings.set("payment_manual__enabled", True)
        event.settings.set("mail_sales_channel_placed_paid", [])  # no mail is part of the figure
        return event


def _payment() -> dict[str, Any]:
    """The payment as pretix's checkout keeps it in the session."""
    return {
        "id": "bench",
        "provider": "manual",
        "min_value": None,
        "max_value": None,
        "multi_use_supported": False,
        "info_data": {},
    }


@contextmanager
def _all_organizers() -> Iterator[None]:
    with importlib.import_module("django_scopes").scopes_disabled():
        yield


def _say(value: object) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
