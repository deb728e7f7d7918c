"""Money back for what was not carried out or was given back: nothing of it is owed, what was paid is credit."""

from datetime import datetime

from django.db.models import F, Subquery, Sum
from django.db.models.expressions import CombinedExpression

from billing.models import Bill
from billing.services.bills import lowering
from catalog.orders import errors, rules
from catalog.orders.models import LineAction, LineState, Order, OrderLine
from catalog.orders.selectors import billed
from core.actor import Actor


def of_line(order: Order, line: OrderLine, *, reason: str, actor: Actor, as_of: datetime) -> None:
    """A line that failed or does not come costs nothing."""
    if order.bill_id is None or not line.amount_cents:
        return
    bill = Bill.objects.get(pk=order.bill_id)
    cents = min(line.amount_cents, bill.total_cents - bill.adjusted_cents)
    if cents > 0:
        lowering.lower(
            bill_id=bill.pk, amount_cents=cents, reason=f"{order.number}: {reason}", actor=actor, as_of=as_of
        )


def of_subscription(number: str, cents: int, *, reason: str, actor: Actor, as_of: datetime) -> None:
    """What was paid ahead for a subscription comes back from the bills of its orders, the latest first.

    Raises RefundNeedsClerk where these do not reach: it was paid for elsewhere.
    """
    if not cents:
        return
    for bill_id, share in _shares(number, cents):
        lowering.lower(bill_id=bill_id, amount_cents=share, reason=reason, actor=actor, as_of=as_of)


def of_cancelled(number: str, *, reason: str, actor: Actor, as_of: datetime) -> None:
    """What was to come does not, and no order of the customer's said so: all that was billed for it comes back."""
    known = OrderLine.objects.filter(state=LineState.DONE)
    brought = known.filter(subscription__number=number, amount_cents__gt=0, order__bill__isnull=False)
    if known.filter(replaces__number=number, action=LineAction.CANCEL).exists():
        return
    for line in brought.select_related("order"):
        of_line(line.order, line, reason=reason, actor=actor, as_of=as_of)


def of_end_taken_back(number: str, slip_number: str, *, reason: str, actor: Actor, as_of: datetime) -> None:
    """The end that this slip asked for does not come: what it cost comes back, and what ends that it moved did."""
    ends = OrderLine.objects.filter(
        replaces__number=number, action=LineAction.CANCEL, state=LineState.DONE, amount_cents__gt=0
    ).select_related("order")
    of_slip = Order.objects.filter(slip_number=slip_number).values("pk")
    for line in ends.filter(order_id__lte=Subquery(of_slip)).order_by("pk"):
        of_line(line.order, line, reason=reason, actor=actor, as_of=as_of)


def check(number: str, cents: int) -> None:
    """Returns where `of_subscription` will do; raises RefundNeedsClerk."""
    if cents:
        _shares(number, cents)


def _shares(number: str, cents: int) -> list[tuple[int, int]]:
    """From the months' bills of further terms, then from those of its orders; the latest first of both."""
    found = rules.shares(cents, [*_of_terms(number), *_of_orders(number)])
    if found is None:
        raise errors.RefundNeedsClerk()
    return found


def _of_terms(number: str) -> list[tuple[int, int]]:
    """Bills of further terms, and what is left of each that it may be lowered by."""
    lines = billed.run_lines(number).order_by()
    terms = lines.values("bill_id", rest=_left_of("bill")).annotate(cents=Sum("amount_cents"))
    rows = terms.filter(cents__gt=0).order_by("-bill_id")
    return [(row["bill_id"], min(row["cents"], row["rest"])) for row in rows]


def _of_orders(number: str) -> list[tuple[int, int]]:
    rows = OrderLine.objects.filter(
        subscription__number=number, amount_cents__gt=0, order__bill__isnull=False
    )
    left = rows.annotate(bill_left=_left_of("order__bill"))
    found = left.values_list("order__bill_id", "amount_cents", "bill_left").order_by("-order_id", "position")
    return [(bill, min(amount, rest)) for bill, amount, rest in found]


def _left_of(bill: str) -> CombinedExpression:
    return F(f"{bill}__total_cents") - F(f"{bill}__adjusted_cents")
