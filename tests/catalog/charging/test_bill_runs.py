"""The run of a month: who is charged, once, and what the bill says."""

from datetime import date, timedelta

import pytest

from accounts.models import Region
from billing.models import AccountBalance, Bill, BillKind, LedgerEntry
from billing.selectors import ledger_check
from billing.services.money import receipts
from catalog.charging.selectors.candidates import Scope
from catalog.charging.services import bill_runs, charging
from catalog.models import BillRun, BillRunFailure, ChargedMonth
from catalog.offers import lines
from catalog.offers.services import publishing
from catalog.pricing import digest, from_json
from catalog.pricing.types import Period
from core.models import Heartbeat
from tests.billing import build as money
from tests.catalog.charging import build
from tests.catalog.offers import build as offers

pytestmark = pytest.mark.django_db


def test_a_whole_month_is_billed_at_its_price() -> None:
    of = build.account()
    row = build.held(of, build.basic(2600, name="基本收视"))
    counts = build.run("2026-10")
    found = build.bill(of, "2026-10")
    assert found is not None
    assert (counts.done, counts.bills, counts.total_cents, counts.failed) == (1, 1, 2600, 0)
    assert (found.kind, found.period, found.total_cents) == (BillKind.PERIODIC, "2026-10", 2600)
    assert (found.issued_on, found.due_on) == (date(2026, 11, 1), date(2026, 11, 21))
    assert build.lines(of, "2026-10") == [("基本收视", 2600)]
    line = found.lines.get()
    assert (line.source_kind, line.source_id) == ("subscription", row.number)
    assert LedgerEntry.objects.get(bill=found).amount_cents == -2600
    assert AccountBalance.objects.get(account=of).balance_cents == -2600
    assert not list(ledger_check.differences())


def test_days_of_a_month_say_which() -> None:
    of = build.account()
    build.held(of, build.basic(3100, name="基本收视"), date(2026, 10, 22))
    build.run("2026-10")
    assert build.lines(of, "2026-10") == [("基本收视，2026年10月22日至2026年10月31日，10 天", 1000)]


def test_what_was_charged_is_kept_with_its_digest() -> None:
    of = build.account()
    build.held(of, build.basic())
    expected = build.next_bill(of, "2026-10")
    build.run("2026-10")
    row = ChargedMonth.objects.get(account=of, period="2026-10")
    assert (row.revision, row.total_cents, row.bill) == (0, 2600, build.bill(of, "2026-10"))
    assert row.digest == digest(expected.month) == digest(from_json(line) for line in row.lines)
    assert (row.region_id, row.customer_kind) == (None, "PERSONAL")


def test_a_second_run_writes_nothing() -> None:
    of = build.account()
    build.held(of, build.basic())
    build.run("2026-10")
    before = (Bill.objects.count(), ChargedMonth.objects.count(), LedgerEntry.objects.count())
    counts = build.run("2026-10", on=date(2026, 11, 9))
    assert (counts.touched, counts.bills) == (0, 0)
    assert (Bill.objects.count(), ChargedMonth.objects.count(), LedgerEntry.objects.count()) == before


def test_a_run_that_comes_second_inside_a_chunk_skips() -> None:

    of = build.account()
    build.held(of, build.basic())
    build.run("2026-10")
    outcome = charging.charge(
        [of.number], Period.of("2026-10"), known=lines.names(), as_of=build.noon(date(2026, 11, 1))
    )
    assert (outcome.done, outcome.skipped, outcome.bills) == (0, 1, 0)


def test_a_month_that_is_not_over_is_refused() -> None:
    of = build.account()
    build.held(of, build.basic())
    with pytest.raises(bill_runs.MonthNotOver):
        build.run("2026-11", on=date(2026, 11, 30))
    assert not Bill.objects.exists()
    assert not BillRun.objects.exists()


def test_who_holds_nothing_that_month_has_no_bill() -> None:
    before, after, never = build.account(), build.account(), build.account()
    what = build.basic()
    row = build.held(before, what, date(2026, 8, 1))
    build.end(row, date(2026, 10, 1))
    build.held(after, what, date(2026, 11, 1))
    counts = build.run("2026-10")
    assert (counts.done, Bill.objects.count()) == (0, 0)
    assert [build.charged(each, "2026-10") for each in (before, after, never)] == [[], [], []]


def test_a_month_that_costs_nothing_is_charged_without_a_bill() -> None:
    of = build.account()
    build.held(of, build.basic(0, code="free"))
    counts = build.run("2026-10")
    assert (counts.done, counts.bills) == (1, 0)
    assert build.charged(of, "2026-10") == [0]
    assert not Bill.objects.exists()


def test_credit_pays_the_bill() -> None:

    of = build.account()
    build.held(of, build.basic(2600))
    receipts.book(
        account_id=of.pk,
        gateway="cash",
        trade_no="1",
        amount_cents=3000,
        paid_at=build.noon(date(2026, 10, 5)),
        as_of=build.noon(date(2026, 10, 5)),
    )
    build.run("2026-10")
    found = build.bill(of, "2026-10")
    assert found is not None
    assert (found.paid_cents, found.open_cents) == (2600, 0)
    assert money.balance(of) == 400
    assert not list(ledger_check.differences())


def test_one_account_that_cannot_be_priced_does_not_stop_the_others() -> None:
    good, bad = build.account(), build.account()
    build.held(good, build.basic())
    draft = offers.draft("never-published")
    build.held(bad, draft)
    counts = build.run("2026-10")
    assert (counts.done, counts.failed) == (1, 1)
    assert build.bill(good, "2026-10") is not None
    assert build.bill(bad, "2026-10") is None
    row = BillRunFailure.objects.get()
    assert (row.account, row.period, row.resolved_at) == (bad, "2026-10", None)
    assert "never-published" in row.error
    run = BillRun.objects.get()
    assert (run.accounts, run.bills, run.total_cents, run.completed_at) == (1, 1, 2600, None)
    assert Heartbeat.objects.get(pk="issue_bills").last_ok is False


def test_a_failure_that_is_mended_is_charged_by_the_next_run() -> None:
    of = build.account()
    draft = offers.draft("late")
    build.held(of, draft)
    build.run("2026-10")
    offers.price(draft, 2600)
    publishing.publish_offer(offer_id=draft.pk, as_of=offers.LONG_AGO)
    assert build.run("2026-10").done == 1
    assert BillRunFailure.objects.get().resolved_at == build.noon(date(2026, 11, 1))
    assert BillRun.objects.get().completed_at == build.noon(date(2026, 11, 1))


def test_a_chunk_that_fails_is_done_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the database refuses of one account costs the others nothing."""
    good, bad = build.account(), build.account()
    what = build.basic()
    for of in (good, bad):
        build.held(of, what)
    Bill.objects.create(
        number="B-there",
        account=bad,
        issued_on=date(2026, 11, 1),
        due_on=date(2026, 11, 2),
        total_cents=0,
        source="hall:run",
        source_number=f"2026-10:{bad.number}",
        created_at=build.noon(date(2026, 11, 1)),
    )
    counts = build.run("2026-10")
    assert (counts.done, counts.failed) == (1, 1)
    assert build.lines(good, "2026-10")
    assert build.charged(bad, "2026-10") == []
    assert BillRunFailure.objects.get().error == "IntegrityError"


def test_only_a_part_of_the_accounts() -> None:
    town = offers.region("TOWN")
    street = offers.region("STREET", town, Region.Level.DISTRICT)
    what = build.basic()
    near, far = build.account(place=street), build.account()
    for of in (near, far):
        build.held(of, what)
    assert build.run("2026-10", scope=Scope(region_code="TOWN")).done == 1
    assert (build.charged(near, "2026-10"), build.charged(far, "2026-10")) == ([2600], [])
    assert BillRun.objects.get().completed_at is None
    assert not Heartbeat.objects.filter(pk="issue_bills").exists()
    assert build.run("2026-10", of=far).done == 1
    assert BillRun.objects.get().completed_at is not None


def test_a_limit_and_a_stop_leave_the_rest_for_the_next_run() -> None:
    what = build.basic()
    for _ in range(5):
        build.held(build.account(), what)
    assert build.run("2026-10", limit=2).done == 2
    asked = iter([False, True])
    assert build.run("2026-10", chunk=2, stop=lambda: next(asked)).done == 2
    assert BillRun.objects.get().completed_at is None
    assert build.run("2026-10").done == 1
    assert BillRun.objects.get().accounts == 5


def test_a_price_that_changes_inside_the_month_makes_two_lines() -> None:
    of = build.account()
    what = offers.draft("tv", name="电视")
    offers.price(what, 3000, active_to=date(2026, 11, 11))
    offers.price(what, 6000, active_from=date(2026, 11, 11))
    publishing.publish_offer(offer_id=what.pk, as_of=offers.LONG_AGO)
    build.held(of, what)
    build.run("2026-11")
    assert [cents for _text, cents in build.lines(of, "2026-11")] == [1000, 4000]


def test_due_days_are_a_setting(settings: object) -> None:
    of = build.account()
    build.held(of, build.basic())
    settings.BILL_DUE_DAYS = 5  # type: ignore[attr-defined]
    build.run("2026-10")
    found = build.bill(of, "2026-10")
    assert found is not None
    assert found.due_on - found.issued_on == timedelta(days=5)


def test_so_many_statements_whatever_the_accounts(django_assert_max_num_queries: object) -> None:
    what = build.basic()
    for _ in range(30):
        build.held(build.account(), what)
    build.run("2026-10", limit=1)
    with django_assert_max_num_queries(60):  # type: ignore[operator]
        assert build.run("2026-10").done == 29
