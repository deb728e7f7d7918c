"""Who lost his line for arrears has his number back: during its lock, all paid, on an offer of today."""

from datetime import date, timedelta

import pytest

from arrears.models import ArrearsCase
from arrears.selectors import restorable
from billing.models import Bill, Dispute
from catalog.models import Order, OrderState, Subscription
from catalog.offers.models import Offer
from core.errors import HallError
from notices.models import Message
from operations.inputs import InvalidInput
from operations.models import Slip
from resources.models import NumberPeriod, PeriodKind
from resources.services import numbers
from tests.arrears import build, build_restore
from tests.arrears.build import ACTOR, noon
from tests.arrears.build_restore import CUT, DIGITS, FREE, LAST_DAY, LATER, Cut
from tests.billing import build as money
from tests.catalog.offers import build as shop
from tests.catalog.orders import build as orders

pytestmark = pytest.mark.django_db
CODE = "number.restore"


def restore(at: Cut, on: date = LATER) -> Slip:
    return orders.done(at.user, CODE, at.raw, as_of=noon(on))


def refused(at: Cut, code: str, on: date = LATER) -> str:
    """By quote and by submission, and nothing changed."""
    before = (Order.objects.count(), Subscription.objects.count(), NumberPeriod.objects.count())
    with pytest.raises(HallError) as by_quote:
        orders.quoted(at.user, CODE, at.raw, as_of=noon(on))
    assert by_quote.value.code == code
    with pytest.raises(HallError) as by_submit:
        orders.done(at.user, CODE, at.raw, as_of=noon(on), digest="x")
    assert by_submit.value.code == code
    slip = Slip.objects.filter(operation=CODE).latest("pk")
    assert (slip.state, slip.refusal_code) == ("REFUSED", code)
    assert before == (Order.objects.count(), Subscription.objects.count(), NumberPeriod.objects.count())
    return by_quote.value.text


def test_paid_and_ordered_the_number_is_his_again() -> None:
    at = build_restore.cut()
    build_restore.sim()
    assert build_restore.has(as_of=noon(LATER)) == build_restore.locked(at)
    build_restore.pay(at)
    assert ArrearsCase.objects.earliest("pk").close_reason == "PAID"
    slip = restore(at)
    new = Subscription.objects.get(offer__code="sim")
    assert (slip.state, new.state, new.service_number, new.begins_on) == ("DONE", "ACTIVE", DIGITS, LATER)
    assert build_restore.has(as_of=noon(LATER) + timedelta(minutes=1)) == (
        "OWNER",
        f"subscription:{new.number}",
    )
    assert slip.confirmation["kind"] == "SMS_CODE"
    orders.news(noon(LATER))
    told = Message.objects.filter(code="number_restored")
    assert told.count() == 3  # his phone, the number itself, the inbox
    assert {each.context["service"] for each in told} == {"138****5678"}


def test_the_quote_says_the_number_until_when_and_the_price() -> None:
    at = build_restore.cut()
    build_restore.sim(once=5000)
    build_restore.pay(at)
    quoted = orders.quoted(at.user, CODE, at.raw, as_of=noon(LATER)).quote
    lines = {line.label: line.value or line.amount_cents for line in quoted.lines}
    assert (lines["恢复的号码"], lines["逾期欠费"]) == (DIGITS, "已缴清")
    assert lines["号码保留至"] == "2026年12月4日"
    ordered = orders.quoted(
        at.user, "package.order", {"account": at.account.number, "offers": [_plain().code]}, as_of=noon(LATER)
    ).quote
    assert quoted.price_cents == ordered.price_cents == 5000


def _plain() -> Offer:
    """The same price without a number."""
    return orders.offer("same", 1900, once=5000, type=shop.product_type("line"))


def test_a_disputed_bill_does_not_give_the_number_back_unpaid() -> None:
    at = build_restore.cut()
    build_restore.sim()
    bill = Bill.objects.get(account=at.account)
    dispute = Dispute.objects.create(
        number="D1", bill=bill, cause="AMOUNT", text="不对", raised_by=at.user, created_at=noon(CUT),
        promised_on=LATER,
    )  # fmt: skip
    text = refused(at, "NUMBER_RESTORE_DISPUTED")
    assert "26.00" in text
    assert at.account.number in text
    [kept] = restorable.all_kept(at.user, as_of=noon(LATER))
    assert (kept.owed_cents, kept.disputed_cents, kept.is_clear) == (0, 2600, False)
    Dispute.objects.filter(pk=dispute.pk).update(state="UPHELD", answer="x", closed_at=noon(LATER))
    refused(at, "NUMBER_RESTORE_ARREARS")
    build_restore.pay(at)
    assert restore(at).state == "DONE"


def test_what_is_disputed_may_be_paid_to_have_the_number_back() -> None:
    at = build_restore.cut()
    build_restore.sim()
    Dispute.objects.create(
        number="D1", bill=Bill.objects.get(account=at.account), cause="AMOUNT", text="不对", raised_by=at.user,
        created_at=noon(CUT), promised_on=LATER,
    )  # fmt: skip
    build_restore.pay(at)
    assert restore(at).state == "DONE"


def test_what_is_owed_is_paid_first_and_the_refusal_says_where() -> None:
    at = build_restore.cut()
    build_restore.sim()
    text = refused(at, "NUMBER_RESTORE_ARREARS")
    assert "26.00" in text
    assert f"/pay/?account={at.account.number}" in text
    build_restore.pay(at)
    assert restore(at).state == "DONE"


@pytest.mark.parametrize(("day", "code"), [(LAST_DAY, ""), (FREE, "NUMBER_LOCK_OVER")])
def test_until_the_last_day_of_the_lock(day: date, code: str) -> None:
    at = build_restore.cut()
    build_restore.sim()
    build_restore.pay(at)
    if code:
        assert "2026-12-04" in refused(at, code, day)
    else:
        assert restore(at, day).state == "DONE"


def test_after_its_lock_it_is_somebody_else_s_and_nothing_of_him_is_said() -> None:
    at = build_restore.cut()
    build_restore.sim()
    build_restore.pay(at)
    with pytest.raises(numbers.NumberLocked):
        numbers.assign(digits=DIGITS, owner="subscription:U9", actor=ACTOR, as_of=noon(LAST_DAY))
    numbers.assign(digits=DIGITS, owner="subscription:U9", actor=ACTOR, as_of=noon(FREE))
    text = refused(at, "NUMBER_RELEASED", FREE)
    assert "U9" not in text


def test_a_withdrawn_offer_is_refused_by_name() -> None:
    at = build_restore.cut()
    offer = build_restore.sim()
    build_restore.pay(at)
    Offer.objects.filter(pk=offer.pk).update(active_to=LATER)
    assert str(offer) in refused(at, "ORDER_NOT_ON_SALE")


def test_an_offer_of_another_kind_does_not_take_the_number() -> None:
    at = build_restore.cut()
    build_restore.pay(at)

    orders.offer("sim", 900, type=shop.product_type("value_added"))
    refused(at, "NUMBER_RESTORE_OFFER")


def test_a_stranger_finds_no_such_number() -> None:
    at = build_restore.cut()
    build_restore.sim()
    build_restore.pay(at)
    bob = build_restore.cut("13900001111")
    bob.line = at.line
    with pytest.raises(InvalidInput) as seen:
        orders.quoted(bob.user, CODE, bob.raw, as_of=noon(LATER))
    assert list(seen.value.fields) == ["subscription"]
    assert build_restore.has(as_of=noon(LATER)) == build_restore.locked(at)


def test_restored_once_it_is_not_restored_again() -> None:
    at = build_restore.cut()
    build_restore.sim()
    build_restore.pay(at)
    restore(at)
    refused(at, "NUMBER_RESTORED_BEFORE")


def _paid_first(at: Cut) -> Order:
    build_restore.sim(once=5000, is_paid_first=True)
    build_restore.pay(at)
    order = Order.objects.get(slip_number=restore(at).number)
    assert order.state == OrderState.ACCEPTED
    return order


def test_while_the_order_waits_for_its_payment_the_number_is_kept_for_it() -> None:
    at = build_restore.cut()
    order = _paid_first(at)
    refused(at, "NUMBER_RESTORING")
    just_free = noon(FREE) - timedelta(hours=13)  # the evening of the last day
    assert build_restore.has(as_of=just_free) == ("HOLD", f"order:{order.number}")
    assert order.bill is not None
    orders.pay(order.bill, as_of=noon(LATER))
    order.refresh_from_db()
    assert order.state == OrderState.COMPLETED
    assert Subscription.objects.get(offer__code="sim").service_number == DIGITS


def test_an_order_that_does_not_come_leaves_the_number_in_its_lock() -> None:
    at = build_restore.cut()
    order = _paid_first(at)
    orders.done(at.user, "order.cancel", {"order": order.number}, as_of=noon(LATER))
    assert build_restore.has(as_of=noon(LATER) + timedelta(seconds=1)) == build_restore.locked(at)
    lock = NumberPeriod.objects.filter(kind=PeriodKind.LOCK).latest("pk")
    assert lock.ends_at is not None
    assert lock.ends_at.isoformat() == "2026-12-04T16:00:00+00:00"  # midnight in Shanghai
    assert orders.quoted(at.user, CODE, at.raw, as_of=noon(LATER)).quote.price_cents == 5000


def test_what_was_not_cut_for_arrears_is_not_offered() -> None:
    user = money.user()
    build.line(money.account(user))
    with pytest.raises(HallError) as seen:
        orders.quoted(user, CODE, {"subscription": "x", "offer": "sim"}, as_of=noon(CUT))
    assert seen.value.code == "FORBIDDEN"
