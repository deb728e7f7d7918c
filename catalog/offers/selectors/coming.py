"""What goes on and off sale and which prices change in the days ahead: the publishing calendar of staff."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.offers.models import Offer
from catalog.offers.prices import Price, PriceException, PriceRule
from core import clock
from core.money import display

ON_SALE, OFF_SALE = _("上架"), _("下架")
SHOWN = _("定时发布")
NEW_PRICE, PRICE_ENDS = _("新价格"), _("价格失效")
RULE_BEGINS, RULE_ENDS = _("优惠开始"), _("优惠结束")
EXCEPTION_ENDS = _("价格例外到期")


@dataclass(frozen=True, slots=True)
class Coming:
    """One change. `at` is None for what changes with the day; `row` is what changes."""

    on: date
    at: datetime | None
    what: Promise
    row: Offer | Price | PriceRule | PriceException

    @property
    def title(self) -> str:
        """What the change is about."""
        if isinstance(self.row, Price):
            return f"{self.row.offer} · {self.row.get_charge_display()} {display(self.row.amounts_cents[0])}"
        if isinstance(self.row, PriceException):
            return f"{self.row.account.number} · {self.row.offer}"
        return str(self.row)

    @property
    def place(self) -> str:
        """Where it is; "" where that is not one place."""
        region = getattr(self.row, "region", None)
        return str(region.name) if region else ""

    @property
    def url(self) -> str:
        """Its staff page."""
        return reverse(f"admin:catalog_{self.row._meta.model_name}_change", args=[self.row.pk])


def ahead(*, as_of: datetime, days: int, exceptions: "QuerySet[PriceException]") -> dict[date, list[Coming]]:
    """By day, soonest first, drafts left out. `exceptions`: those that the reader may see."""
    today = clock.local_date(as_of)
    last = today + timedelta(days=days)
    found = [
        *_offers(as_of, last),
        *_prices(today, last),
        *_rules(as_of, last),
        *_exceptions(exceptions, today, last),
    ]
    by_day: dict[date, list[Coming]] = {}
    for each in sorted(found, key=lambda each: (each.on, each.at or as_of)):
        by_day.setdefault(each.on, []).append(each)
    return by_day


def _offers(as_of: datetime, last: date) -> Iterator[Coming]:
    today = clock.local_date(as_of)
    for row in Offer.objects.filter(published_at__isnull=False):
        yield from _announced(row, as_of, last)
        if today < row.active_from <= last:
            yield Coming(row.active_from, None, ON_SALE, row)
        if row.active_to is not None and today < row.active_to <= last:
            yield Coming(row.active_to, None, OFF_SALE, row)


def _rules(as_of: datetime, last: date) -> Iterator[Coming]:
    today = clock.local_date(as_of)
    for row in PriceRule.objects.filter(published_at__isnull=False).select_related("region"):
        yield from _announced(row, as_of, last)
        if today < row.active_from <= last:
            yield Coming(row.active_from, None, RULE_BEGINS, row)
        if row.active_to is not None and today < row.active_to <= last:
            yield Coming(row.active_to, None, RULE_ENDS, row)


def _announced(row: Offer | PriceRule, as_of: datetime, last: date) -> Iterator[Coming]:
    if row.published_at is not None and row.published_at > as_of:
        on = clock.local_date(row.published_at)
        if on <= last:
            yield Coming(on, row.published_at, SHOWN, row)


def _prices(today: date, last: date) -> Iterator[Coming]:
    rows = Price.objects.filter(withdrawn_at=None, offer__published_at__isnull=False)
    rows = rows.select_related("offer", "region")
    for row in rows.filter(active_from__gt=today, active_from__lte=last):
        yield Coming(row.active_from, None, NEW_PRICE, row)
    followed = {(row.offer_id, row.charge, row.region_id, row.customer_kind, row.active_from) for row in rows}
    for row in rows.filter(active_to__gt=today, active_to__lte=last):
        if (row.offer_id, row.charge, row.region_id, row.customer_kind, row.active_to) not in followed:
            yield Coming(row.active_to or last, None, PRICE_ENDS, row)


def _exceptions(rows: "QuerySet[PriceException]", today: date, last: date) -> Iterator[Coming]:
    for row in rows.filter(active_to__gt=today, active_to__lte=last).select_related("account", "offer"):
        yield Coming(row.active_to, None, EXCEPTION_ENDS, row)
