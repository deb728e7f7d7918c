"""However long the pause and whatever it costs: its quote, the preview while it lasts and the bills are one figure."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import BillingAccount, User
from catalog.charging.selectors import previews
from catalog.holdings.selectors import services
from catalog.models import Subscription
from catalog.pauses.operations import PauseQuote
from catalog.pricing.types import Period
from core import clock
from tests.catalog.charging import build as charging
from tests.catalog.offers import build as shop
from tests.catalog.orders import build as orders
from tests.catalog.pauses import build

pytestmark = pytest.mark.django_db


def live(user: User, account: BillingAccount, row: Subscription, begins_on: date, days: int) -> None:
    """Pauses, and lives through the months until it is over, with the job and the run of each month on their day."""
    resume_on = begins_on + timedelta(days=days)
    as_of = charging.noon(begins_on)
    quote = orders.quoted(user, "service.pause", build.data(row, resume_on), as_of=as_of).quote
    assert isinstance(quote, PauseQuote)
    build.paused(user, row, resume_on, as_of=as_of)
    promised = {month.code: month.after_cents for month in quote.months}
    period = Period.containing(begins_on)
    while period.begins_on <= resume_on:
        if resume_on <= period.ends_on:
            build.run(resume_on)
        check(account, period, promised)
        period = Period.containing(period.ends_on)


def check(account: BillingAccount, period: Period, promised: dict[str, int]) -> None:
    shown = previews.preview(account, on=period.ends_on - timedelta(days=1)).bill.total_cents
    assert charging.run(period.code, of=account).failed == 0
    bill = charging.bill(account, period.code)
    total = bill.total_cents if bill else 0
    assert total == shown
    assert promised.get(period.code, total) == total


class Bills(TestCase):
    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        after=st.integers(min_value=0, max_value=40),
        days=st.integers(min_value=30, max_value=75),
        cents=st.integers(min_value=100, max_value=9999),
        percent=st.integers(min_value=0, max_value=100),
        policy=st.sampled_from(("FEE", "NONE", "FULL", "FIRST_30_DAYS")),
    )
    def test_quote_preview_and_bill_are_one(
        self, after: int, days: int, cents: int, percent: int, policy: str
    ) -> None:
        user, account = build.home()
        more: dict[str, Any] = {"while_paused": policy}
        row = build.line(account, build.offer("", cents, cents * percent // 100, **more))
        charging.held(account, shop.published("", 700), date(2026, 10, 1))
        live(user, account, row, build.TODAY + timedelta(days=after), days)


def test_in_the_middle_of_a_whole_month_off_the_preview_is_its_bill() -> None:
    user, account = build.home()
    row = build.line(account)
    build.paused(user, row)
    shown = previews.preview(account, on=date(2026, 12, 9))
    assert shown.bill.total_cents == 500
    charging.run("2026-12", of=account)
    bill = charging.bill(account, "2026-12")
    assert bill is not None
    assert bill.total_cents == 500


def test_the_day_of_a_pause_is_the_local_one() -> None:
    user, account = build.home()
    row = build.line(account)
    late = charging.noon(build.TODAY) + timedelta(hours=12, minutes=5)  # five past midnight in Shanghai
    assert clock.local_date(late) == date(2026, 11, 19)
    assert build.paused(user, row, as_of=late).suspension.begins_on == date(2026, 11, 19)


def test_in_the_month_of_its_end_the_preview_counts_on_the_agreed_day() -> None:
    user, account = build.home()
    row = build.line(account)
    quote = orders.quoted(user, "service.pause", build.data(row)).quote
    assert isinstance(quote, PauseQuote)
    [promised] = [month.after_cents for month in quote.months if month.code == "2027-01"]
    build.paused(user, row)
    for day in (2, 9, 10):  # on the last of them nobody has ended it yet
        shown = previews.preview(account, on=date(2027, 1, day)).bill
        assert shown.total_cents == promised == 145 + 2129
    [of_account] = services.of_user(user, today=date(2027, 1, 5))
    assert of_account.month_cents == promised
    # Nobody has ended it two days later: it was off for as long, and that is what the month says.
    assert previews.preview(account, on=date(2027, 1, 12)).bill.total_cents == 177 + 1935
    build.run(date(2027, 1, 12))
    charging.run("2027-01", of=account)
    bill = charging.bill(account, "2027-01")
    assert bill is not None
    assert bill.total_cents == 177 + 1935


def test_another_line_that_is_paused_meanwhile_ends_on_its_own_day() -> None:
    user, account = build.home()
    row, other = build.line(account), build.line(account, build.offer("other"))
    build.paused(user, other, date(2026, 12, 20))
    when = charging.noon(date(2026, 12, 3))
    build.paused(user, row, date(2027, 1, 4), as_of=when)
    quote = orders.quoted(user, "service.resume", {"subscription": row.number}, as_of=when).quote
    assert isinstance(quote, PauseQuote)
    december = next(month for month in quote.months if month.code == "2026-12")
    # The one that is had back, and the other: 19 days paused and 12 in use.
    assert december.after_cents == 3000 + 306 + 1161
