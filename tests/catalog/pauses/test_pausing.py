"""Pausing a service and having it back: what is promised, done, told, and refused."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from accounts.models import BillingAccount, Contact, Customer, User
from catalog.choices import SuspensionReason
from catalog.holdings.services import due, subscriptions, suspensions
from catalog.models import Order, Pause, PausePolicy, Subscription, Suspension
from catalog.pauses.operations import PauseQuote
from catalog.pauses.selectors import policies
from core.errors import HallError
from notices.models import Delivery
from operations import registry
from operations.models import SlipState
from tests.billing import build as money
from tests.catalog.charging import build as charging
from tests.catalog.holdings import build as holdings
from tests.catalog.offers import build as shop
from tests.catalog.orders import build as orders
from tests.catalog.pauses import build
from tests.catalog.pauses.build import LATER, TODAY
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


def test_it_is_off_at_once_and_everybody_is_told() -> None:
    user, account = build.home()
    row = build.line(account)
    pause = build.paused(user, row)
    off = Suspension.objects.get()
    assert (off.reason, off.begins_on, off.ends_on) == ("CUSTOMER", TODAY, None)
    assert (pause.suspension, pause.resume_on, pause.slip.state) == (off, LATER, SlipState.DONE)
    (context,) = build.told("pause_begun")
    assert (context["day"], context["resume_on"], context["amount"]) == (
        "2026年11月18日",
        "2027年1月10日",
        "每月 ¥5.00",
    )
    went = Delivery.objects.filter(message__code="pause_begun").values_list("address", flat=True)
    known = Contact.objects.filter(account=account).values_list("value", flat=True)
    assert set(went) == {*known, "inbox"}
    assert len(known) == 2


def test_the_quote_says_the_fee_and_the_bills_before_and_after() -> None:
    user, account = build.home()
    row = build.line(account)
    quote = orders.quoted(user, "service.pause", build.data(row)).quote
    assert isinstance(quote, PauseQuote)
    assert (quote.price_cents, quote.effective_on) == (0, TODAY)
    found = {month.code: (month.before_cents, month.after_cents) for month in quote.months}
    # 17 days of 30 in use and 13 paused; a whole month; 9 days of 31 paused and 22 in use.
    assert found == {
        "2026-11": (3000, 1700 + 217),
        "2026-12": (3000, 500),
        "2027-01": (3000, 145 + 2129),
    }
    values = [str(line.value) for line in quote.lines]
    assert "每月 ¥5.00" in values
    assert "2027年1月10日（停机 53 天）" in values


def test_the_fee_is_that_of_the_region() -> None:
    user, account = build.home()
    place = shop.region("SOUTH")
    account.region = place
    account.save(update_fields=["region"])
    what = build.offer()
    shop.price(what, 300, charge="PAUSE", region_id=place.pk, active_from=date(2026, 2, 1))
    quote = orders.quoted(user, "service.pause", build.data(build.line(account, what))).quote
    assert "每月 ¥3.00" in [str(line.value) for line in quote.lines]


def overdue(account: BillingAccount, row: Subscription) -> None:
    money.bill(account, issued_on=date(2026, 10, 1))


def bound(account: BillingAccount, row: Subscription) -> None:
    Subscription.objects.filter(pk=row.pk).update(committed_until=TODAY + timedelta(days=1))


def checked(account: BillingAccount, row: Subscription) -> None:
    suspensions.suspend(
        number=row.number, reason=SuspensionReason.FRAUD_CHECK, actor=charging.ACTOR, as_of=NOON
    )


def in_arrears(account: BillingAccount, row: Subscription) -> None:
    suspensions.suspend(number=row.number, reason=SuspensionReason.ARREARS, actor=charging.ACTOR, as_of=NOON)


def ending(account: BillingAccount, row: Subscription) -> None:
    subscriptions.set_end(
        number=row.number,
        on=date(2026, 12, 1),
        slip_id=holdings.slip(account, line=row).pk,
        actor=charging.ACTOR,
        as_of=NOON,
    )


def alone(account: BillingAccount, row: Subscription) -> None:
    Contact.objects.filter(account=account).exclude(is_primary=True).delete()


def unproven(account: BillingAccount, row: Subscription) -> None:
    Contact.objects.filter(account=account, is_primary=False).update(verified_at=None)


def both_lines_off(account: BillingAccount, row: Subscription) -> None:
    """Each of the two contacts is a line of the account, one of which is off already."""
    mine, other = Contact.objects.filter(account=account).order_by("pk")
    Subscription.objects.filter(pk=row.pk).update(service_number=mine.value.removeprefix("+86"))
    second = build.line(account, build.offer("second"), service_number=other.value.removeprefix("+86"))
    suspensions.suspend(number=second.number, reason=SuspensionReason.STAFF, actor=charging.ACTOR, as_of=NOON)


def nowhere(account: BillingAccount, row: Subscription) -> None:
    PausePolicy.objects.update(active_to=TODAY)


REFUSED: dict[str, tuple[Callable[[BillingAccount, Subscription], None], str]] = {
    "bills are overdue": (overdue, "PAUSE_BILLS_OVERDUE"),
    "a contract binds": (bound, "PAUSE_COMMITTED"),
    "off for a check": (checked, "PAUSE_ALREADY_OFF"),
    "off for arrears": (in_arrears, "PAUSE_ALREADY_OFF"),
    "its end is asked for": (ending, "SUBSCRIPTION_END_ASKED_FOR"),
    "one contact": (alone, "PAUSE_CONTACT_NEEDED"),
    "the second is not verified": (unproven, "PAUSE_CONTACT_NEEDED"),
    "both contacts are lines that are off": (both_lines_off, "PAUSE_CONTACT_NEEDED"),
    "no rule holds": (nowhere, "PAUSE_NOT_OFFERED"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_and_nothing_changed(case: str) -> None:
    user, account = build.home()
    row = build.line(account)
    spoil, code = REFUSED[case]
    digest = orders.quoted(user, "service.pause", build.data(row)).digest
    spoil(account, row)
    before = Suspension.objects.count()
    assert build.refusal(user, build.data(row)) == code
    with pytest.raises(HallError) as refused:
        orders.done(user, "service.pause", build.data(row), digest=digest)
    assert refused.value.code == code
    assert (Pause.objects.count(), Suspension.objects.count()) == (0, before)
    assert build.told("pause_begun") == []


def test_the_last_day_of_a_contract_that_is_over_and_a_bill_due_today_refuse_nothing() -> None:
    user, account = build.home()
    row = build.line(account)
    Subscription.objects.filter(pk=row.pk).update(committed_until=TODAY)
    money.bill(account, issued_on=TODAY - timedelta(days=30))
    assert build.refusal(user, build.data(row)) == ""


@pytest.mark.parametrize(
    ("days", "code"), [(29, "PAUSE_DAYS"), (30, ""), (365, ""), (366, "PAUSE_DAYS"), (-1, "PAUSE_DAYS")]
)
def test_as_long_as_the_rule_says(days: int, code: str) -> None:
    user, account = build.home()
    row = build.line(account)
    assert build.refusal(user, build.data(row, TODAY + timedelta(days=days))) == code


def test_twice_in_a_calendar_year_also_when_it_was_changed_meanwhile() -> None:
    user, account = build.home()
    row = build.line(account)
    for _ in range(2):
        build.paused(user, row)
        build.resumed(user, row, as_of=NOON)
    assert build.refusal(user, build.data(row)) == "PAUSE_TOO_OFTEN"
    other = build.line(account, build.offer("other"))
    assert build.refusal(user, build.data(other)) == ""
    Subscription.objects.filter(pk=other.pk).update(follows=row)
    assert build.refusal(user, build.data(other)) == "PAUSE_TOO_OFTEN"


def test_a_new_year_counts_anew() -> None:
    user, account = build.home()
    row = build.line(account)
    for _ in range(2):
        build.paused(user, row)
        build.resumed(user, row, as_of=NOON)
    quote = orders.quoted(
        user,
        "service.pause",
        build.data(row, date(2027, 3, 1)),
        as_of=charging.noon(date(2027, 1, 1)),
    ).quote
    assert "今年还可以停机保号 1 次" in [str(each) for each in quote.warnings]


def test_the_second_contact_is_added_in_the_flow_and_proven_by_the_code() -> None:
    user, account = build.home(contacts=1)
    row = build.line(account)
    raw = build.data(row, contact="137 9999 0001")
    asker = orders.ctx(user)
    cleaned = orders._cleaned(asker, "service.pause", raw)
    assert registry.get("service.pause").confirmation_address(asker, cleaned) == "+8613799990001"
    orders.done(user, "service.pause", raw)
    added = Contact.objects.get(value="+8613799990001")
    assert (added.account, added.verified_at, added.is_primary) == (account, NOON, False)
    assert build.is_off(row)
    assert len(build.told("contact_added")) == 1
    assert "contact" not in Pause.objects.get().slip.data


def test_the_line_itself_is_no_second_contact_if_the_first_is_off_too() -> None:
    user, account = build.home(contacts=1)
    first = build.line(account, service_number=(user.phone or "").removeprefix("+86"))
    second = build.line(account, build.offer("second"), service_number="13799990001")
    suspensions.suspend(number=first.number, reason=SuspensionReason.STAFF, actor=charging.ACTOR, as_of=NOON)
    assert build.refusal(user, build.data(second, contact="13799990001")) == "PAUSE_CONTACT_NEEDED"
    assert not Contact.objects.filter(value="+8613799990001").exists()


def test_who_is_reachable_confirms_with_his_own_phone() -> None:
    user, account = build.home()
    row = build.line(account)
    assert build.refusal(user, build.data(row, contact="13799990001")) == "PAUSE_CONTACT_NOT_NEEDED"


def test_resumed_by_himself_at_once() -> None:
    user, account = build.home()
    row = build.line(account)
    build.paused(user, row)
    when = charging.noon(date(2026, 12, 3))
    quote = orders.quoted(user, "service.resume", {"subscription": row.number}, as_of=when).quote
    assert isinstance(quote, PauseQuote)
    december = next(month for month in quote.months if month.code == "2026-12")
    # 2 days paused and 29 in use, instead of a whole month paused.
    assert (december.before_cents, december.after_cents) == (500, 32 + 2806)
    slip = build.resumed(user, row, as_of=when)
    off = Suspension.objects.get()
    assert (slip.state, off.ends_on, off.closed_at) == (SlipState.DONE, date(2026, 12, 3), when)
    assert [context["day"] for context in build.told("pause_ended")] == ["2026年12月3日"]
    assert build.refusal(user, {"subscription": row.number}, "service.resume") == "PAUSE_NOT_PAUSED"


def test_what_arrears_stopped_meanwhile_stays_off() -> None:
    user, account = build.home()
    row = build.line(account)
    build.paused(user, row)
    in_arrears(account, row)
    quote = orders.quoted(user, "service.resume", {"subscription": row.number}).quote
    assert any("欠费停机" in str(each) for each in quote.warnings)
    slip = build.resumed(user, row, as_of=NOON)
    assert slip.result["data"] == {"subscription": row.number, "is_on": False}
    assert build.is_off(row)
    assert build.told("pause_ended") == []


def test_a_stranger_pauses_and_resumes_nothing() -> None:
    user, account = build.home()
    row = build.line(account)
    stranger, _own = build.home()
    assert build.refusal(stranger, build.data(row)) == "INVALID_INPUT"
    build.paused(user, row)
    assert build.refusal(stranger, {"subscription": row.number}, "service.resume") == "INVALID_INPUT"
    assert build.is_off(row)


def test_while_paused_nothing_is_ordered_but_it_may_be_cancelled() -> None:
    user, account = build.home()
    row = build.line(account)
    shop.published("more", 900)
    build.paused(user, row)
    wanted = {"account": account.number, "offers": ["more"]}
    assert build.refusal(user, wanted, "package.order") == "ORDER_SUSPENDED"
    orders.cancelled(user, row)
    assert Order.objects.count() == 1
    list(due.run(due.Job(charging.noon(date(2026, 12, 1)))))
    row.refresh_from_db()
    assert row.state == "TERMINATED"
    assert not build.is_off(row)
    assert build.run(LATER).touched == 0


def test_the_nearest_regions_rule_counts_and_there_the_kind() -> None:
    top = shop.region("TOP")
    city = shop.region("CITY", top)
    build.home()
    everywhere = PausePolicy.objects.get()
    own = PausePolicy.objects.create(region=top, least_days=1, active_from=date(2020, 1, 1))
    firms = PausePolicy.objects.create(
        region=top, customer_kind=Customer.Kind.ENTERPRISE, least_days=2, active_from=date(2020, 1, 1)
    )
    assert policies.find(city.pk, Customer.Kind.PERSONAL, on=TODAY) == own
    assert policies.find(city.pk, Customer.Kind.ENTERPRISE, on=TODAY) == firms
    assert policies.find(None, Customer.Kind.ENTERPRISE, on=TODAY) == everywhere
    assert policies.find(city.pk, Customer.Kind.PERSONAL, on=date(2019, 1, 1)) == everywhere
    assert policies.find(None, Customer.Kind.PERSONAL, on=date(1999, 1, 1)) is None


def test_a_member_who_may_only_look_pauses_nothing() -> None:
    _owner, account = build.home()
    row = build.line(account)
    viewer: User = orders.member(account, "VIEWER")
    refused: Any = build.refusal(viewer, build.data(row))
    assert refused == "INVALID_INPUT"
