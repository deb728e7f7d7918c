"""Runs inside django-oscar's own virtual environment: places orders of one line, as told on standard input.

Each line in is `orders N` or `statements`; each line out is one JSON value: the seconds that N orders took, or how many
statements one of them needs. What is timed is what its checkout does when the customer confirms: the basket is read
with its strategy and offers, shipping and total are computed, and OrderPlacementMixin places the order. Basket, user
and address are made before; no payment is taken and no mail is sent.
"""

import importlib
import json
import os
import sys
import time
from decimal import Decimal
from typing import Any

PRICE = Decimal("26.00")


def main() -> None:
    import django

    _configure()
    django.setup()
    if sys.argv[1:] == ["migrate"]:
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        return
    shop = Shop()
    _say("ready")
    for line in sys.stdin:
        command, _, number = line.strip().partition(" ")
        _say(shop.timed(int(number)) if command == "orders" else shop.statements())


class Shop:
    """One product in stock, sold to a customer who is logged in."""

    def __init__(self) -> None:
        loading = importlib.import_module("oscar.core.loading")
        self.get_class, self.get_model = loading.get_class, loading.get_model
        self.get_model("address", "Country").objects.create(
            iso_3166_1_a2="CN", printable_name="China", name="China", is_shipping_country=True
        )
        self.product = self._product()
        self.strategy = self.get_class("partner.strategy", "Selector")().strategy()
        self.offers = self.get_class("offer.applicator", "Applicator")
        self.shipping = self.get_class("shipping.repository", "Repository")
        self.totals = self.get_class("checkout.calculators", "OrderTotalCalculator")()
        self.placing = self._placing()
        self.customers = 0

    def timed(self, count: int) -> float:
        """Seconds for `count` orders, each of another customer."""
        from django.db import transaction

        baskets = [self._basket() for _ in range(count)]
        started = time.perf_counter()
        for user, basket in baskets:
            with transaction.atomic():  # its documentation sets ATOMIC_REQUESTS
                self._place(user, basket)
        return time.perf_counter() - started

    def statements(self) -> int:
        """How many statements one order sends."""
        from django.db import connection

        (user, basket), seen = self._basket(), []

        def count(execute: Any, sql: str, *arguments: Any) -> Any:
            seen.append(sql)
            return execute(sql, *arguments)

        with connection.execute_wrapper(count):
            self._place(user, basket)
        return len(seen)

    def _place(self, user: Any, basket_id: int) -> None:
        """As the middleware, the checkout session and the view of the last step do together, in one request."""
        basket = self.get_model("basket", "Basket").open.get(pk=basket_id)
        basket.strategy = self.strategy
        self.offers().apply(basket, user)
        address = self._address(user)
        method = self.shipping().get_default_shipping_method(basket=basket, user=user, shipping_addr=address)
        charge = method.calculate(basket)
        order = self.placing.handle_order_placement(
            order_number=self.placing.generate_order_number(basket),
            user=user,
            basket=basket,
            shipping_address=address,
            shipping_method=method,
            shipping_charge=charge,
            billing_address=None,
            order_total=self.totals.calculate(basket, charge),
        )
        if basket.status != basket.SUBMITTED:
            raise RuntimeError(f"order {order.number} was not placed")

    def _placing(self) -> Any:
        mixin = self.get_class("checkout.mixins", "OrderPlacementMixin")

        class Placing(mixin):  # type: ignore[misc, valid-type]  # a class that is known in the peer's environment
            def handle_successful_order(self, order: Any) -> Any:
                """Without its mail and the page of thanks."""
                return order

        return Placing()

    def _product(self) -> Any:
        kind = self.get_model("catalogue", "ProductClass").objects.create(name="Package")
        product = self.get_model("catalogue", "Product").objects.create(
            title="Package", slug="package", product_class=kind, structure="standalone"
        )
        partner = self.get_model("partner", "Partner").objects.create(name="Bench", code="bench")
        self.get_model("partner", "StockRecord").objects.create(
            product=product, partner=partner, partner_sku="package", price=PRICE, num_in_stock=1_000_000
        )
        return product

    def _basket(self) -> tuple[Any, int]:
        auth = importlib.import_module("django.contrib.auth")
        self.customers += 1
        name = f"customer{self.customers}"
        user = auth.get_user_model().objects.create(username=name, email=f"{name}@example.org")
        basket = self.get_model("basket", "Basket").objects.create(owner=user)
        basket.strategy = self.strategy
        basket.add_product(self.product, quantity=1)
        return user, basket.pk

    def _address(self, user: Any) -> Any:
        return self.get_model("order", "ShippingAddress")(
            first_name=user.username,
            line1="1 Peace Road",
            line4="Beijing",
            postcode="100000",
            country_id="CN",
        )


def _configure() -> None:
    from django.conf import settings

    defaults = importlib.import_module("oscar.defaults")
    given = {name: getattr(defaults, name) for name in dir(defaults) if name.isupper()}
    settings.configure(
        **given,
        DEBUG=False,
        SECRET_KEY="bench",
        SITE_ID=1,
        USE_TZ=True,
        ROOT_URLCONF="oscar_driver_urls",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "CONN_MAX_AGE": None,
                **json.loads(os.environ["BENCH_DATABASE"]),
            }
        },
        INSTALLED_APPS=[*_APPS],
        HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
        AUTHENTICATION_BACKENDS=[
            "oscar.apps.customer.auth_backends.EmailBackend",
            "django.contrib.auth.backends.ModelBackend",
        ],
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )


# As in its documentation, "Creating your own shop".
_APPS = (
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.sites",
    "django.contrib.flatpages",
    "oscar.config.Shop",
    "oscar.apps.analytics.apps.AnalyticsConfig",
    "oscar.apps.checkout.apps.CheckoutConfig",
    "oscar.apps.address.apps.AddressConfig",
    "oscar.apps.shipping.apps.ShippingConfig",
    "oscar.apps.catalogue.apps.CatalogueConfig",
    "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
    "oscar.apps.communication.apps.CommunicationConfig",
    "oscar.apps.partner.apps.PartnerConfig",
    "oscar.apps.basket.apps.BasketConfig",
    "oscar.apps.payment.apps.PaymentConfig",
    "oscar.apps.offer.apps.OfferConfig",
    "oscar.apps.order.apps.OrderConfig",
    "oscar.apps.customer.apps.CustomerConfig",
    "oscar.apps.search.apps.SearchConfig",
    "oscar.apps.voucher.apps.VoucherConfig",
    "oscar.apps.wishlists.apps.WishlistsConfig",
    "oscar.apps.dashboard.apps.DashboardConfig",
    "oscar.apps.dashboard.reports.apps.ReportsDashboardConfig",
    "oscar.apps.dashboard.users.apps.UsersDashboardConfig",
    "oscar.apps.dashboard.orders.apps.OrdersDashboardConfig",
    "oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig",
    "oscar.apps.dashboard.offers.apps.OffersDashboardConfig",
    "oscar.apps.dashboard.partners.apps.PartnersDashboardConfig",
    "oscar.apps.dashboard.pages.apps.PagesDashboardConfig",
    "oscar.apps.dashboard.ranges.apps.RangesDashboardConfig",
    "oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig",
    "oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig",
    "oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig",
    "oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig",
    "widget_tweaks",
    "haystack",
    "treebeard",
    "django_tables2",
)


def _say(value: object) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
