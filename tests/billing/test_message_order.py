"""Whatever way both gateways' messages take, shuffled, doubled, late, or lost and asked for, the books are the same."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.models import AccountBalance, Bill, Payment, Receipt, Refund, RefundReason, ReviewReason
from billing.services.payments import callbacks, intake, payments, replay
from billing.services.refunds import refund_sending, refunds
from billing.services.statements import reconciling
from core.actor import Actor
from tests.billing import build
from tests.billing.channels import NOW, Channels, Message, Order, later

pytestmark = pytest.mark.django_db
ACTOR = Actor("test:order")


@dataclass(frozen=True)
class Plan:
    """One order: what is owed, what is paid and how often, and what goes back."""

    gateway: str
    bill: int
    paid: int
    trades: int
    outside: tuple[int, ...]  # refunds that the merchant made in the gateway's own console
    ours: tuple[
        int, ...
    ]  # refunds that the hall asks for, of what settled nothing: the second trade, if there is one


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    bill, over = draw(st.integers(100, 5_000)), draw(st.integers(0, 3_000))
    trades = draw(st.sampled_from([0, 1, 1, 1, 2]))
    outside: tuple[int, ...] = ()
    ours: tuple[int, ...] = ()
    if trades == 1:
        outside = tuple(draw(st.lists(st.integers(1, bill // 3), max_size=2)))
        ours = tuple(draw(st.lists(st.integers(1, max(over // 2, 1)), max_size=2))) if over > 1 else ()
    if trades == 2:
        ours = tuple(draw(st.lists(st.integers(1, (bill + over) // 2), max_size=2)))
    return Plan(draw(st.sampled_from(["alipay", "wechatpay"])), bill, bill + over, trades, outside, ours)


@dataclass(frozen=True)
class Way:
    """How messages travel: `chance` decides everything about it; calm means in order, once, none lost."""

    chance: Random
    calm: bool

    def send(self, sure: list[Message], losable: list[Message]) -> list[Message]:
        if self.calm:
            return [*sure, *losable]
        kept = sure + [message for message in losable if self.chance.random() < 0.6]
        messages = [message for message in kept for _ in range(self.chance.choice([1, 1, 2, 3]))]
        self.chance.shuffle(messages)
        return messages

    def pauses(self) -> bool:
        return self.calm or self.chance.random() < 0.3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(orders=st.lists(plans(), min_size=1, max_size=4), seed=st.integers(0, 2**32), mute=st.booleans())
def test_any_way_of_the_messages_gives_the_same_books(orders: list[Plan], seed: int, mute: bool) -> None:
    with undone():
        calm = story(orders, Way(Random(seed), calm=True), Channels())
    with undone():
        stormy = story(orders, Way(Random(seed), calm=False), Channels(mute=mute))
    assert stormy == calm


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def story(plans_: list[Plan], way: Way, channels: Channels) -> Any:
    """Payments and their messages; then refunds and theirs, with the payments' own once more; then all is asked for."""
    with pytest.MonkeyPatch.context() as patch:
        channels.speak_to(patch)
        orders = [_start(channels, plan, number) for number, plan in enumerate(plans_)]
        paid = [channels.paid(order, turn) for order in orders for turn in range(order.trades)]
        waits = [notice for order in orders if (notice := channels.waiting(order)) and order.trades]
        # What nobody can ask for again must arrive: of an order paid twice a query tells but one trade.
        twice = {order.reference for order in orders if order.trades == 2}
        losable = [channels.paid(order) for order in orders if order.trades == 1]
        deliver(way, [*(m for m in paid if m not in losable), *waits], losable)
        assert reconciling.reconcile(as_of=later(20), actor=ACTOR).counts["UNKNOWN"] == 0
        assert twice <= set(Payment.objects.filter(state="SUCCEEDED").values_list("reference", flat=True))
        _refund(way, channels, orders, plans_)
        _work(later(3 * 24 * 60), times=6)
        channels.mute = False
        for hour in range(4, 9):
            _work(later(hour * 24 * 60))
        found = books(plans_)
        _replayed(found, plans_)
    return found


def _start(channels: Channels, plan: Plan, number: int) -> Order:
    reference = f"MSG{number:08d}"
    account = build.account()
    bill = build.bill(account, plan.bill, issued_on=date(2026, 3, 1))
    payments.start(
        account_id=account.pk,
        bill_id=bill.pk,
        amount_cents=plan.paid,
        gateway=plan.gateway,
        payer_id=None,
        reference=reference,
        as_of=NOW,
        actor=ACTOR,
    )
    order = Order(plan.gateway, reference, plan.paid, plan.trades)
    channels.orders[reference] = order
    return order


def deliver(way: Way, sure: list[Message], losable: list[Message]) -> None:
    for gateway, headers, body in way.send(sure, losable):
        intake.receive(gateway=gateway, headers=headers, body=body, address=None, as_of=NOW)
        if way.pauses():
            _apply()
    _apply()


def _apply() -> None:
    for minute in itertools.count(1):
        claimed = callbacks.claim(as_of=later(minute), limit=3)
        for callback in claimed:
            callbacks.apply_claimed(callback, as_of=later(1))
        if not claimed and minute > 10:
            return


def _refund(way: Way, channels: Channels, orders: list[Order], plans_: list[Plan]) -> None:
    """Refunds made elsewhere and ours, mixed; of theirs only what a later message tells again may be lost."""
    sure: list[Message] = []
    losable: list[Message] = []
    for order, plan in zip(orders, plans_, strict=True):
        for number, cents in enumerate(plan.outside):
            order.refunds[f"OUT{order.reference}{number}"] = cents
        review = ReviewReason.DUPLICATE if plan.trades == 2 else ""
        receipt = Receipt.objects.filter(payment__reference=order.reference, review_reason=review).first()
        for cents in plan.ours if receipt else ():
            assert receipt is not None
            given = {
                "reason": "多收",
                "reason_code": RefundReason.OVERPAID,
                "actor": ACTOR,
                "as_of": later(30),
            }
            refunds.by_staff(receipt_id=receipt.pk, amount_cents=cents, **given)  # type: ignore[arg-type]
    _work(later(31), times=4)
    for order in orders:
        names = list(order.refunds)
        for name in names:
            told_again = order.gateway == "alipay" and name != names[-1]
            ours = not name.startswith("OUT")
            may_be_lost = told_again or (ours and order.gateway == "wechatpay")
            (losable if may_be_lost else sure).append(channels.refunded(order, name))
    deliver(way, [*sure, *(channels.paid(order) for order in orders if order.trades)], losable)


def _work(as_of: Any, times: int = 3) -> None:
    """What the workers for refunds do: several turns, each far enough from the other."""
    for turn in range(times):
        at = as_of + (later(90) - NOW) * turn
        while (claimed := refund_sending.claim(as_of=at)) is not None:
            refund_sending.carry_out(claimed, as_of=at)


def books(plans_: list[Plan]) -> Any:
    """All that must not depend on the way: money received, used and given back, what is owed, and the states."""
    found = []
    for number in range(len(plans_)):
        payment = Payment.objects.get(reference=f"MSG{number:08d}")
        receipts = Receipt.objects.filter(payment=payment)
        back = Refund.objects.filter(receipt__payment=payment)
        found.append(
            {
                "payment": payment.state,
                "receipts": sorted(
                    receipts.values_list(
                        "amount_cents",
                        "allocated_cents",
                        "refunded_cents",
                        "refunding_cents",
                        "review_reason",
                    )
                ),
                "refunded": sum(back.values_list("amount_cents", flat=True)),
                "requests": sorted(
                    (row.amount_cents, row.state)
                    for receipt in receipts
                    for row in receipt.refund_requests.all()
                ),
                "bills": list(
                    Bill.objects.filter(account=payment.account).values_list(
                        "kind", "total_cents", "paid_cents"
                    )
                ),
                "balance": AccountBalance.objects.get(account=payment.account).balance_cents,
            }
        )
    assert build.books_are_right()
    return found


def _replayed(found: Any, plans_: list[Plan]) -> None:
    """The raw rows once more change nothing."""
    rows = (Receipt.objects.count(), Refund.objects.count())
    (*_rest, told) = replay.replay(since=later(-1), until=later(1), as_of=later(60), actor=ACTOR)
    assert (told.counts["BOOKED"], told.counts["REFUNDED"], told.counts["MOVED"], told.bad) == (0, 0, 0, [])
    assert (Receipt.objects.count(), Refund.objects.count()) == rows
    assert books(plans_) == found
