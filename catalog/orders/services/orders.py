"""Orders, from their submission to their end.

What costs something at once has a bill of kind ORDER. An order that is paid first is ACCEPTED until that bill is
settled, or until its time to pay is over. Then its lines are carried out; a line that cannot be done fails, and its
part of the bill is taken back. The order's slip ends with the order.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction

from billing.models import Bill, BillKind
from billing.services.bills import bills, lowering
from catalog.choices import Flow
from catalog.events import OrderWaits
from catalog.holdings.models import Subscription, SubscriptionState
from catalog.orders import errors, locks, words
from catalog.orders.models import LineState, Order, OrderLine, OrderState
from catalog.orders.selectors.quoting import Plan
from catalog.orders.services import carrying, claims, moves, refunds
from core import clock, outbox, sequences, writes
from core.actor import Actor

SOURCE = "hall:order"  # of the bills
_O = OrderState
UNPAID, BY_STAFF, BY_CUSTOMER = "UNPAID", "BY_STAFF", "BY_CUSTOMER"  # why an order was cancelled


@transaction.atomic(savepoint=False)
def submit(
    *,
    plan: Plan,
    user_id: int | None,
    slip_number: str,
    channel: str,
    actor: Actor,
    as_of: datetime,
) -> Order:
    """The order of this plan, made under the locks of its account: COMPLETED, IN_PROGRESS, or ACCEPTED and to be paid.

    Raises what the subscriptions and claims refuse, and RefundNeedsClerk: nothing is changed then.
    """
    for part in plan.parts:
        refunds.check(part.replaces, part.back_cents)
    number = sequences.next_number("order_number", prefix="O", on=clock.local_date(as_of))
    bill = _issue(plan, number, as_of=as_of)
    waits = plan.is_paid_first and bill is not None and bill.open_cents > 0
    order = Order(
        number=number,
        account=plan.account,
        user_id=user_id,
        slip_number=slip_number,
        channel=channel,
        flow=Flow.DIRECT,
        bill=bill,
        due_at=as_of + timedelta(hours=settings.ORDER_PAY_HOURS) if waits else None,
        promised_at=as_of + timedelta(hours=settings.ORDER_PROMISE_HOURS),
        submitted_at=as_of,
        state_since=as_of,
    )
    begun = moves.entry("", order.state, actor=actor, as_of=as_of)
    writes.insert(order, begun, link="order")
    lines = _lines(order, plan)
    claims.lay(order, lines, plan, actor=actor, as_of=as_of)
    if waits and order.due_at is not None:
        moves.move(order, _O.ACCEPTED, actor=actor, as_of=as_of)
        news = OrderWaits(number, plan.account.number, order.due_at.isoformat())
        outbox.publish(news, as_of=as_of)
        return order
    at = carrying.Job(order, actor, as_of, plan.payer_id)
    for row, part in zip(lines, plan.parts, strict=True):
        carrying.line(at, row, part)
    moves.settle(order, lines, actor=actor, as_of=as_of)
    return order


def _issue(plan: Plan, number: str, *, as_of: datetime) -> Bill | None:
    """The bill of what it costs at once; None where that is nothing."""
    due = [
        bills.Line(
            code=line.code[:40],
            text=words.bill_line(line, plan.offers)[:200],
            amount_cents=line.amount_cents,
            source_kind="order",
            source_id=number,
        )
        for part in plan.parts
        for line in part.due
        if line.amount_cents
    ]
    if not due:
        return None
    today = clock.local_date(as_of)
    return bills.issue(
        account_id=plan.account.pk,
        lines=due,
        issued_on=today,
        due_on=_due_on(plan, today),
        source=SOURCE,
        source_number=number,
        as_of=as_of,
        kind=BillKind.ORDER,
    )


def _due_on(plan: Plan, today: date) -> date:
    """While an order waits nothing is late: what is not paid in time is not owed any more."""
    hours = settings.ORDER_PAY_HOURS
    days = hours // 24 + 2 if plan.is_paid_first else settings.ORDER_BILL_DAYS
    return today + timedelta(days=days)


def _lines(order: Order, plan: Plan) -> list[OrderLine]:
    replaced = {part.replaces for part in plan.parts if part.replaces}
    held: dict[str, Subscription] = {}
    if replaced:
        found = Subscription.objects.select_related("offer").filter(number__in=replaced)
        held = {row.number: row for row in found}
    rows = [
        OrderLine(
            order=order,
            position=position,
            action=part.action,
            offer=plan.offers[part.offer],
            replaces=held.get(part.replaces),
            address=plan.wish.address,
            service_number=part.number,
            goods=list(part.goods),
            amount_cents=part.due_cents,
            effective_on=part.effective_on,
        )
        for position, part in enumerate(plan.parts, start=1)
    ]
    for row in rows:
        writes.insert(row)
    return rows


@transaction.atomic
def paid(*, number: str, actor: Actor, as_of: datetime) -> bool:
    """The bill is settled: what waited for it is carried out. False when nothing waited, or something is still open."""
    order = locks.order(number)
    if order.state != _O.ACCEPTED or order.bill is None or order.bill.open_cents:
        return False
    order.promised_at = as_of + timedelta(hours=settings.ORDER_PROMISE_HOURS)
    order.save(update_fields=["promised_at"])
    at = carrying.Job(order, actor, as_of)
    lines = locks.lines(order.pk)
    claims.hold(order, lines)
    for row in lines:
        carrying.line_or_fail(at, row)
    moves.settle(order, lines, actor=actor, as_of=as_of)
    return True


@transaction.atomic
def unpaid(*, number: str, actor: Actor, as_of: datetime) -> bool:
    """The time to pay is over: cancelled, its bill taken back. False when it does not wait any more."""
    order = locks.order(number)
    if order.state != _O.ACCEPTED or order.due_at is None or order.due_at > as_of:
        return False
    if order.bill is not None and not order.bill.open_cents:
        return paid(number=number, actor=actor, as_of=as_of)
    _cancel(order, UNPAID, actor=actor, as_of=as_of)
    return True


@transaction.atomic
def cancel(*, number: str, why: str, actor: Actor, as_of: datetime) -> Order:
    """An order that waits for its payment is cancelled; what was paid on it is credit. Raises NotFound, NotWaiting."""
    order = locks.order(number)
    if order.state != _O.ACCEPTED:
        raise errors.NotWaiting(number=number)
    _cancel(order, why, actor=actor, as_of=as_of)
    return order


def _cancel(order: Order, why: str, *, actor: Actor, as_of: datetime) -> None:
    lines = locks.lines(order.pk)
    claims.hold(order, lines)
    for row in lines:
        moves.line_to(row, LineState.CANCELLED)
        claims.drop(order, row, actor=actor, as_of=as_of, reason=why)
    if order.bill is not None:
        left = order.bill.total_cents - order.bill.adjusted_cents
        if left:
            reason = f"{order.number}: {why}"
            lowering.lower(bill_id=order.bill.pk, amount_cents=left, reason=reason, actor=actor, as_of=as_of)
    moves.move(order, _O.CANCELLED, actor=actor, as_of=as_of, reason=why)


@transaction.atomic
def give_up(*, number: str, code: str, actor: Actor, as_of: datetime) -> Order:
    """What is not switched on yet fails, and its part is given back; a waiting order is cancelled.

    Raises NotFound, NothingToRetry for an order that is over.
    """
    order = locks.order(number)
    if order.state == _O.ACCEPTED:
        _cancel(order, code, actor=actor, as_of=as_of)
        return order
    lines = locks.lines(order.pk)
    open_ones = [row for row in lines if row.state in (LineState.WAITING, LineState.WORKING)]
    if not open_ones:
        raise errors.NothingToRetry(number=number)
    claims.hold(order, lines)
    at = carrying.Job(order, actor, as_of)
    for row in open_ones:
        if _is_on(row.subscription):  # the far system was faster than the news of it
            carrying.done(at, row)
        else:
            carrying.fail(at, row, code)
    moves.settle(order, lines, actor=actor, as_of=as_of)
    return order


@transaction.atomic
def subscription_on(*, number: str, actor: Actor, as_of: datetime) -> bool:
    """The subscription of that number is in use: the line that brought it is done, and perhaps the order."""
    found = OrderLine.objects.filter(subscription__number=number, state=LineState.WORKING)
    of_order = found.values_list("order__number", flat=True).first()
    if of_order is None:
        return False
    order = locks.order(of_order)
    lines = locks.lines(order.pk)
    claims.hold(order, lines)
    at = carrying.Job(order, actor, as_of)
    for row in lines:
        if row.state == LineState.WORKING and _is_on(row.subscription):
            carrying.done(at, row)
    moves.settle(order, lines, actor=actor, as_of=as_of)
    return True


def _is_on(row: Subscription | None) -> bool:
    return row is not None and row.state in (SubscriptionState.ACTIVE, SubscriptionState.TERMINATED)


@transaction.atomic
def note_trouble(*, subscription: str, error: str, actor: Actor, as_of: datetime) -> str:
    """A far system could not do it: the line says so, a person looks at it. The order's number; "": no open order."""
    found = OrderLine.objects.filter(subscription__number=subscription, state=LineState.WORKING)
    of_order = found.values_list("order__number", flat=True).first()
    if of_order is None:
        return ""
    order = locks.order(of_order)
    touched: Sequence[OrderLine] = [
        row
        for row in locks.lines(order.pk)
        if row.state == LineState.WORKING and row.subscription and row.subscription.number == subscription
    ]
    for row in touched:
        row.error = error[:60]
        row.save(update_fields=["error"])
    moves.record(order, order.state, order.state, actor=actor, as_of=as_of, reason=error)
    return of_order
