"""Until when a quote is valid, and that it is: whatever is published meanwhile, it never becomes dearer."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import BillingAccount
from catalog.models import Offer, Order, PriceException, Subscription
from catalog.offers.services import prices, promises, publishing
from catalog.orders.selectors import quoting
from catalog.orders.selectors.quoting import Plan, Wish
from core.errors import HallError
from operations.services import slips
from tests.admin import build as staff
from tests.catalog.offers import build as shop
from tests.catalog.orders import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 18)
DAYS = settings.ORDER_QUOTE_DAYS
LAST = TODAY + timedelta(days=DAYS - 1)


def day(n: int) -> date:
    return TODAY + timedelta(days=n)


def at(n: int) -> datetime:
    return NOON + timedelta(days=n)


def plan(account: BillingAccount, *offers: str, n: int = 0, **more: Any) -> Plan:
    return quoting.plan(Wish(account, add=offers, **more), as_of=at(n))


def year(code: str = "year", *amounts: int, **more: Any) -> Offer:
    """Paid ahead: the price, with its discounts, is due with the order."""
    return build.offer(code, *(amounts or (72_000,)), cycle="TERM", term_months=12, **more)


def test_without_any_change_it_is_promised_for_its_days() -> None:
    _user, account = build.home()
    year()
    assert plan(account, "year").valid_until == LAST


@pytest.mark.parametrize("charge", ["PERIOD", "ONCE"])
def test_it_ends_before_a_price_changes(charge: str) -> None:
    _user, account = build.home()
    offer = year(once=5000)
    amounts = {"PERIOD": 60_000, "ONCE": 100}
    prices.add(
        offer_id=offer.pk, charge=charge, amounts_cents=[amounts[charge]], active_from=day(3), as_of=NOON
    )
    year("other")
    assert plan(account, "year").valid_until == day(2)
    assert plan(account, "other").valid_until == LAST


def test_it_ends_before_a_discount_for_him_begins_or_ends() -> None:
    _user, account = build.home()
    offer = year()
    shop.published_rule("others", offer, tiers=["GOLD"], active_from=TODAY, active_to=day(1))
    assert plan(account, "year").valid_until == LAST
    shop.published_rule("ending", offer, active_to=day(5))
    assert plan(account, "year").valid_until == day(4)
    shop.published_rule("coming", active_from=day(3), type=offer.type)
    assert plan(account, "year").valid_until == day(2)


def test_it_ends_before_the_offer_is_withdrawn_and_before_an_exception_ends() -> None:
    _user, account = build.home()
    offer = year()
    publishing.withdraw_offer(offer_id=offer.pk, ends_on=day(5), as_of=NOON)
    assert plan(account, "year").valid_until == day(4)
    approval = staff.approval("catalog.price_exception")
    PriceException.objects.create(
        account=account, offer=offer, amount_cents=100, reason="补偿", approval=approval, active_from=TODAY,
        active_to=day(2), created_at=NOON,
    )  # fmt: skip
    assert plan(account, "year").valid_until == day(1)


def test_what_is_given_back_changes_day_by_day_and_so_does_the_promise() -> None:
    user, account = build.home()
    build.credit(account, 72_000)
    build.ordered(user, account, year(return_days=3, cancel_effect="AT_ONCE"))
    held = Subscription.objects.get()
    ending = quoting.plan(Wish(account, end=(held.number,)), as_of=NOON)
    later = quoting.plan(
        Wish(account, end=(held.number,)), as_of=at(ending.valid_until.toordinal() - TODAY.toordinal())
    )
    assert (ending.back_cents, later.back_cents) == (72_000, 72_000)
    after = quoting.plan(Wish(account, end=(held.number,)), as_of=at(20))
    assert after.valid_until == day(20)
    assert 0 < after.back_cents < 72_000


def test_within_its_days_it_is_shown_anew_and_no_dearer_after_them_it_has_changed() -> None:
    user, account = build.home()
    offer = year()
    prices.add(offer_id=offer.pk, amounts_cents=[80_000], active_from=day(DAYS), as_of=NOON)
    raw = {"account": account.number, "offers": ["year"]}
    digest = build.quoted(user, "package.order", raw).digest
    for n, cents in ((DAYS - 1, 72_000), (DAYS, 80_000)):
        with pytest.raises(slips.QuoteChanged) as changed:
            build.done(user, "package.order", raw, as_of=at(n), digest=digest)
        assert changed.value.quoted.quote.price_cents == cents
    assert not Order.objects.exists()


def test_control_without_the_law_a_quote_becomes_dearer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promises, "check_price", lambda *args, **more: None)
    _user, account = build.home()
    offer = year()
    quoted = plan(account, "year")
    prices.add(offer_id=offer.pk, amounts_cents=[80_000], active_from=day(1), as_of=NOON)
    assert plan(account, "year", n=1).due_cents > quoted.due_cents
    assert quoted.valid_until >= day(1)


STEPS = st.one_of(
    st.tuples(st.just("price"), st.sampled_from([100, 200, 300]), st.integers(1, 10), st.booleans()),
    st.tuples(st.just("once"), st.sampled_from([0, 50, 90]), st.integers(1, 10), st.booleans()),
    st.tuples(st.just("back"), st.integers(0, 3), st.just(0), st.booleans()),
    st.tuples(st.just("rule"), st.sampled_from([50, 90]), st.integers(0, 8), st.booleans()),
    st.tuples(st.just("end"), st.integers(0, 3), st.integers(1, 10), st.booleans()),
)


class Promises(TestCase):
    """Staff publish what they like, day after day; whoever was quoted something pays no more within its days."""

    @given(st.lists(st.lists(STEPS, max_size=3), min_size=4, max_size=12))
    @hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_no_quote_becomes_dearer(self, days: list[list[tuple[str, int, int, bool]]]) -> None:
        city = shop.region(f"C{Offer.objects.count()}")
        _user, account = build.home()
        account.region = city
        account.save(update_fields=["region"])
        offer = year("promised", 200, once=50)
        quotes: list[Plan] = []
        for n, steps in enumerate(days):
            for step in steps:
                publish(offer, city.pk if step[3] else None, step, n)
            now = plan(account, "promised", n=n)
            for quoted in quotes:
                if now.on <= quoted.valid_until:
                    assert now.due_cents <= quoted.due_cents, (quoted.on, now.on)
            quotes.append(now)


def publish(offer: Offer, region_id: int | None, step: tuple[str, int, int, bool], n: int) -> None:
    """One act of staff; what is refused changes nothing."""
    what, value, ahead, flag = step
    begins, how = day(n + ahead), {"as_of": at(n)}
    try:
        if what in ("price", "once"):
            charge = "PERIOD" if what == "price" else "ONCE"
            more: dict[str, Any] = {"region_id": region_id, "charge": charge, **how}
            prices.add(offer_id=offer.pk, amounts_cents=[value], active_from=begins, **more)
        elif what == "back":
            waiting = offer.prices.filter(withdrawn_at=None, active_from__gt=day(n)).order_by("pk")
            if found := waiting[value : value + 1]:
                prices.take_back(price_id=found[0].pk, **how)
        elif what == "rule":
            rule = shop.rule("", offer, value=value, active_from=begins, is_for_new=flag)
            publishing.publish_rule(rule_id=rule.pk, **how)
        elif found_rules := offer.rules.order_by("pk")[value : value + 1]:
            publishing.end_rule(rule_id=found_rules[0].pk, ends_on=begins, **how)
    except HallError:
        pass
