"""Whatever is held, and however late it is entered: the preview is the bill, and all bills together are the truth."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.django import TestCase

from accounts.models import BillingAccount, Standing
from billing.models import Bill, BillLine, LedgerEntry
from billing.selectors import ledger_check
from catalog.charging.selectors import previews
from catalog.models import CarriedForward, ChargedMonth, Offer, Subscription, Suspension, Termination
from catalog.pricing import digest, from_json
from catalog.pricing.types import Period
from operations.models import Slip
from tests.catalog.charging import build, histories
from tests.catalog.charging.histories import Step
from tests.catalog.holdings import build as holdings

pytestmark = pytest.mark.django_db
RUN = "hall:run"


def live_through(of: BillingAccount, history: list[Step], on_shelf: list[Offer]) -> None:
    """Step by step, with the run of each month on the day after it."""
    left = list(history)
    for month in histories.MONTHS:
        period = Period.of(month)
        while left and left[0].known_on < period.ends_on:
            step = left.pop(0)
            histories.live(of, step, on_shelf)
            build.news(build.noon(step.known_on))
        check_month(of, period)


def check_month(of: BillingAccount, period: Period) -> None:
    """The preview of the last day is what the run charges and bills; the run a second time writes nothing."""
    shown = previews.preview(of, on=period.ends_on - timedelta(days=1))
    assert build.run(period.code).failed == 0
    bill = build.bill(of, period.code)
    assert (bill.total_cents if bill else 0) == shown.bill.total_cents
    row = ChargedMonth.objects.filter(account=of, period=period.code, revision=0).first()
    lines = tuple(from_json(line) for line in row.lines) if row else ()
    assert digest(lines) == shown.digest == (row.digest if row else digest(()))
    own = [cents for cents in (line.amount_cents for line in lines) if cents]
    if bill:
        written = list(bill.lines.order_by("position").values_list("amount_cents", flat=True))
        assert written[: len(own)] == own
        assert sum(written) == bill.total_cents
    else:
        assert not own
    before = counts()
    assert build.run(period.code, on=period.ends_on + timedelta(days=1)).touched == 0
    assert counts() == before


def counts() -> tuple[int, ...]:
    return tuple(
        model.objects.count() for model in (Bill, BillLine, LedgerEntry, ChargedMonth, CarriedForward)
    )


def twin(of: BillingAccount) -> BillingAccount:
    """An account that was known all along to hold what the other one holds after everything was entered."""
    other = build.account()
    for row in Standing.objects.filter(customer=of.customer):
        Standing.objects.create(
            customer=other.customer, tier=row.tier, active_from=row.active_from, active_to=row.active_to
        )
    copies: dict[int, Subscription] = {}
    for held in Subscription.objects.filter(account=of).order_by("pk"):
        copies[held.pk] = copy_of(held, other, copies)
    for held in Subscription.objects.filter(account=of).order_by("pk"):
        copy_end(held, copies[held.pk])
    return other


def copy_of(held: Subscription, other: BillingAccount, copies: dict[int, Subscription]) -> Subscription:
    copy = Subscription.objects.create(
        number=f"{held.number}T",
        account=other,
        payer=other,
        offer=held.offer,
        state="ACTIVE" if held.begins_on else "PENDING",
        begins_on=held.begins_on,
        follows=copies[held.follows_id] if held.follows_id else None,
        created_at=held.created_at,
    )
    for stop in Suspension.objects.filter(subscription=held):
        stop.pk, stop.subscription = None, copy
        stop.save(force_insert=True)
    return copy


def copy_end(held: Subscription, copy: Subscription) -> None:
    """By the same reason; a slip that ended one line ends no other."""
    if held.state == "TERMINATED":
        how = Termination.objects.get(subscription=held)
        how.pk, how.subscription = None, copy
        if how.slip_id:
            how.slip = _slip(held, copy)
        how.save(force_insert=True)
    Subscription.objects.filter(pk=copy.pk).update(state=held.state, ends_on=held.ends_on)


def _slip(held: Subscription, copy: Subscription) -> Slip:
    """That confirms the same end for the copy: another offer in its place, or none."""
    follower = Subscription.objects.filter(follows=held).select_related("offer").first()
    return holdings.change(copy, follower.offer) if follower else holdings.slip(copy.account, line=copy)


class Histories(TestCase):
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(history=histories.histories)
    def test_all_bills_together_are_what_the_true_history_costs(self, history: list[Step]) -> None:
        on_shelf = histories.shelf()
        of = build.account()
        live_through(of, history, on_shelf)
        build.news(build.noon(date(2026, 12, 1)))
        build.run("2026-12")
        true = twin(of)
        for month in (*histories.MONTHS, "2026-12"):
            assert build.run(month, of=true, on=date(2027, 1, 2)).failed == 0
        waiting = sum(
            CarriedForward.objects.filter(account=of, taken_in="").values_list("amount_cents", flat=True)
        )
        assert billed(of) - waiting == billed(true)
        assert latest(of) == latest(true)
        assert not list(ledger_check.differences())


def billed(of: BillingAccount) -> int:
    return sum(Bill.objects.filter(account=of, source=RUN).values_list("total_cents", flat=True))


def latest(of: BillingAccount) -> dict[str, list[tuple[Any, ...]]]:
    """What each month costs as it is known at last, without what costs nothing."""
    rows = ChargedMonth.objects.filter(account=of).order_by("period", "revision")
    found = {row.period: row.lines for row in rows}
    told = {
        period: sorted(
            (line["code"], line["amount_cents"], line["begins_on"], line["terminal"])
            for line in lines
            if line["amount_cents"]
        )
        for period, lines in found.items()
    }
    return {period: lines for period, lines in told.items() if lines}
