"""Bills of more than five times the mean of the three months before: found once, told once, looked at by staff."""

import json
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Region
from billing import tasks
from billing.models import Bill, BillKind, LargeBill, LargeBillSearch
from billing.services.bills import bills, large_bills
from core import clock
from core.models import AuditRow, Heartbeat
from notices.models import Delivery, Message
from notices.services import bulk_messages
from tests.admin.build import staff_with
from tests.billing import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
MONTHS = ("2026-08", "2026-09", "2026-10")


def issue(of: BillingAccount, period: str, cents: int, *, source: str = "test", **changes: Any) -> Bill:
    try:
        day = date.fromisoformat(f"{period}-01")
    except ValueError:  # no month
        day = date(2026, 11, 1)
    values = {"issued_on": day, "due_on": day + timedelta(days=29), "kind": BillKind.PERIODIC} | changes
    return bills.issue(
        account_id=of.pk,
        lines=[bills.Line("BASIC", "基本收视维护费", cents)],
        source=source,
        source_number=f"{of.pk}/{period}/{source}/{values['kind']}",
        period=period,
        as_of=NOON,
        **values,  # type: ignore[arg-type]
    )


def account(*months: int) -> BillingAccount:
    """An account with a contact phone and bills of these amounts in the months before November."""
    found = build.account(build.user())
    for period, cents in zip(MONTHS[-len(months) :], months, strict=False):
        issue(found, period, cents)
    return found


def run(**options: Any) -> large_bills.Counts:
    job = large_bills.Job(as_of=options.pop("as_of", NOON), **options)
    return [large_bills.Counts(), *large_bills.run(job)][-1]


def test_one_fen_more_than_five_times_the_mean_is_large() -> None:
    exact, above = account(2600, 2600, 2600), account(2600, 2600, 2600)
    issue(exact, "2026-11", 13_000)
    found = issue(above, "2026-11", 13_001)
    assert run().warned == 1
    large = LargeBill.objects.get()
    assert (large.bill_id, large.before_cents, large.mean_cents) == (found.pk, 7800, 2600)
    assert (large.found_at, large.told_at, large.checked_at) == (NOON, NOON, None)


def test_the_account_is_told_once_with_amounts_and_without_its_number() -> None:
    of = account(2600, 2600, 2701)
    issue(of, "2026-11", 50_000)
    assert (run().warned, run(from_start=True).warned) == (1, 0)
    [sent] = Delivery.objects.all()
    assert sent.address == of.contacts.get().value
    for said in (of.number[-4:], "2026年11月", "¥500.00", "¥26.34"):
        assert said in sent.body
    assert of.number not in sent.body
    assert Message.objects.get().code == "large_bill"


def test_who_reads_english_is_told_in_english() -> None:
    of = account(100, 100, 100)
    of.memberships.get().user.__class__.objects.update(language="en")
    issue(of, "2026-11", 5000)
    run()
    assert "more than 5 times" in Delivery.objects.get().body


def test_without_a_contact_nobody_is_told_and_staff_see_it() -> None:
    of = account(100, 100, 100)
    of.contacts.all().delete()
    issue(of, "2026-11", 5000)
    counts = run()
    assert (counts.warned, counts.untold) == (1, 1)
    assert LargeBill.objects.get().told_at is None
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("months", [(), (100,), (100, 100)])
def test_fewer_than_three_months_are_nothing_to_compare_with(months: tuple[int, ...]) -> None:
    issue(account(*months), "2026-11", 1_000_000)
    assert run().warned == 0


def test_a_month_without_a_bill_is_a_gap_not_a_zero() -> None:
    of = build.account(build.user())
    for period in ("2026-07", "2026-08", "2026-10"):
        issue(of, period, 100)
    issue(of, "2026-11", 1_000_000)
    assert run().warned == 0


def test_a_month_counts_with_all_its_periodic_bills_and_no_others() -> None:
    of = account(1000, 1000, 1000)
    issue(of, "2026-10", 1000, source="other")  # the mean is 4000 / 3
    issue(of, "2026-09", 900_000, kind=BillKind.ORDER)
    issue(of, "2026-11", 6666)
    assert run().warned == 0
    issue(of, "2026-11", 6667, source="other")
    assert run(from_start=True).warned == 1


def test_the_turn_of_the_year_is_no_gap() -> None:
    of = build.account(build.user())
    for period in ("2025-11", "2025-12", "2026-01"):
        issue(of, period, 100)
    issue(of, "2026-02", 501)
    assert run(as_of=NOON - timedelta(days=280)).warned == 1


@pytest.mark.parametrize("period", ["2026-13", "2026", "", "十一月"])
def test_a_period_that_is_no_month_is_left_out(period: str) -> None:
    issue(account(100, 100, 100), period, 1_000_000)
    assert run().warned == 0


def test_orders_and_imported_history_are_no_news() -> None:
    of = account(100, 100, 100)
    issue(of, "2026-11", 100_000, kind=BillKind.ORDER)
    old = build.account(build.user())
    for period in ("2020-01", "2020-02", "2020-03"):
        issue(old, period, 100)
    issue(old, "2020-04", 1_000_000)
    assert run().warned == 0


def test_after_free_months_any_amount_is_more_than_five_times_nothing() -> None:
    issue(account(0, 0, 0), "2026-11", 2600)
    assert run().warned == 1


def test_a_dry_run_changes_nothing() -> None:
    issue(account(100, 100, 100), "2026-11", 5000)
    assert run(dry_run=True).warned == 1
    assert not LargeBill.objects.exists()
    assert not LargeBillSearch.objects.exists()
    assert not Message.objects.exists()


def test_a_search_goes_on_where_one_an_hour_before_ended() -> None:
    """Not where the last one did: a bill with a lower id may have been committed since."""
    issue(account(100, 100, 100), "2026-11", 5000)
    assert run().looked == 4
    issue(account(100, 100, 100), "2026-11", 5000)
    assert run(as_of=NOON + timedelta(minutes=59)).looked == 8
    counts = run(as_of=NOON + timedelta(minutes=60))
    assert (counts.looked, counts.warned) == (4, 0)
    assert LargeBill.objects.count() == 2


def test_a_limit_ends_a_search_and_the_next_goes_on() -> None:
    issue(account(100, 100, 100), "2026-11", 5000)
    assert run(limit=3).looked == 3
    assert run(as_of=NOON + timedelta(hours=1)).warned == 1


def test_one_bad_row_costs_its_own_warning_only(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [issue(account(100, 100, 100), "2026-11", 5000) for _ in range(3)]
    send = bulk_messages.send

    def failing(*, code: str, letters: Any, as_of: Any) -> int:
        if any(letter.dedupe_key.endswith(found[1].number) for letter in letters):
            raise RuntimeError("the text could not be made")
        return send(code=code, letters=letters, as_of=as_of)

    monkeypatch.setattr(bulk_messages, "send", failing)
    counts = run()
    assert (counts.warned, counts.failed) == (2, 1)
    assert not LargeBill.objects.filter(bill=found[1]).exists()
    assert not LargeBillSearch.objects.exists()  # the next run looks again
    monkeypatch.undo()
    assert run().warned == 1


def test_many_chunks_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_bills, "CHUNK", 3)
    for _ in range(5):
        issue(account(100, 100, 100), "2026-11", 5000)
    counts = run()
    assert (counts.looked, counts.warned) == (20, 5)


def test_the_facts_of_a_chunk_are_one_query(django_assert_max_num_queries: Any) -> None:
    for _ in range(4):
        issue(account(100, 100, 100), "2026-11", 5000)
    with django_assert_max_num_queries(18):
        run()


def test_the_command_counts_and_says_so() -> None:
    issue(account(100, 100, 100), "2026-11", 5000)
    out = StringIO()
    call_command("warn_large_bills", "--json", "--dry-run", "--as-of", NOON.isoformat(), stdout=out)
    assert json.loads(out.getvalue()) == {"looked": 4, "warned": 1, "untold": 0, "failed": 0}
    call_command("warn_large_bills", "--as-of", NOON.isoformat(), stdout=StringIO())
    assert LargeBill.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_scheduler_leaves_a_heartbeat() -> None:
    issue(account(100, 100, 100), "2026-11", 5000)
    with clock.stopped(NOON):
        assert tasks.warn_large_bills() == 1
    beat = Heartbeat.objects.get(job="warn_large_bills")
    assert beat.last_ok
    assert beat.detail["warned"] == 1


def test_the_bills_page_says_so() -> None:
    of = account(2600, 2600, 2600)
    bill = issue(of, "2026-11", 50_000)
    run()
    client = Client()
    client.force_login(of.memberships.get().user)
    shown = client.get(reverse("billing:bill", args=[bill.number])).content.decode()
    assert "超过前三个月平均（¥26.00）的 5 倍" in shown


def test_staff_say_what_they_found(client: Client) -> None:
    issue(account(100, 100, 100), "2026-11", 5000)
    run()
    large = LargeBill.objects.get()
    client.force_login(staff_with("billing.view_largebill", "billing.change_largebill"))
    url = reverse("admin:billing_largebill_act", args=["checked"]) + f"?ids={large.pk}"
    client.post(url, {"reason": "电影点播属实"})
    large.refresh_from_db()
    assert large.checked_at is not None
    assert AuditRow.objects.get(action="large_bill.checked").reason == "电影点播属实"
    client.post(url, {"reason": "又看了一遍"})
    assert AuditRow.objects.filter(action="large_bill.checked").count() == 1


def test_the_search_reads_each_account_by_its_index() -> None:
    issue(account(100, 100, 100), "2026-11", 5000)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN " + large_bills._FACTS,
            {"after": 0, "last": 10, "since": date(2026, 9, 1), "regions": None},
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "bill_history" in plan


def test_only_a_region_and_the_whole_search_does_not_move_on() -> None:
    inside, outside = account(100, 100, 100), account(100, 100, 100)
    city = Region.objects.create(code="R1", name="R1", level=Region.Level.CITY)
    BillingAccount.objects.filter(pk=inside.pk).update(region=city)
    for one in (inside, outside):
        issue(one, "2026-11", 5000)
    assert run(region="R1").warned == 1
    assert not LargeBillSearch.objects.exists()
    assert [found.bill.account_id for found in LargeBill.objects.all()] == [inside.pk]
    assert run().warned == 1
