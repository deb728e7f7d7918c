"""Carrying out one line of an order: subscriptions begin, change or end, and the far systems are asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from catalog.choices import Cycle
from catalog.holdings import rules as holding_rules
from catalog.holdings.models import Subscription, SubscriptionState
from catalog.holdings.services import subscriptions
from catalog.holdings.services.subscriptions import Wanted
from catalog.orders.models import LineAction, LineState, Order, OrderLine
from catalog.orders.rules import Part
from catalog.orders.selectors import quoting
from catalog.orders.selectors.quoting import Wish
from catalog.orders.services import claims, handing, moves, refunds
from catalog.pricing.errors import PricingError
from core.actor import Actor
from core.clock import local_date
from core.errors import HallError
from operations.models import Slip


@dataclass(frozen=True, slots=True)
class Job:
    """An order's lines are carried out then, by this actor, under the order's slip."""

    order: Order
    actor: Actor
    as_of: datetime
    payer_id: int | None = None  # who pays today, where that is known already

    @property
    def slip_id(self) -> int:
        """Read where something ends by it."""
        return Slip.objects.values_list("pk", flat=True).get(number=self.order.slip_number)

    @property
    def reason(self) -> str:
        return f"order {self.order.number}"


def line(at: Job, row: OrderLine, part: Part) -> None:
    """The locked WAITING line is DONE, or WORKING until the far systems have answered."""
    steps = {LineAction.ADD: _add, LineAction.CHANGE: _change, LineAction.CANCEL: _cancel}
    steps[LineAction(row.action)](at, row, part)


def line_or_fail(at: Job, row: OrderLine) -> None:
    """The same for what was paid for: what cannot be done any more fails, and its part is given back."""
    try:
        with transaction.atomic():
            claims.secure(at.order, row, actor=at.actor, as_of=at.as_of)
            line(at, row, _part(at, row))
    except (HallError, PricingError) as error:
        fail(at, row, error.code)


def fail(at: Job, row: OrderLine, code: str) -> None:
    """The line does not come: what it had begun is cancelled, its part of the bill taken back."""
    if row.subscription_id is not None and row.state == LineState.WORKING:
        current = Subscription.objects.get(pk=row.subscription_id)
        if current.state == SubscriptionState.PENDING:
            subscriptions.cancel(number=current.number, actor=at.actor, as_of=at.as_of, reason=at.reason)
    row.refresh_from_db(fields=["state"])
    moves.line_to(row, LineState.FAILED, error=code)
    claims.drop(at.order, row, actor=at.actor, as_of=at.as_of, reason=code)
    refunds.of_line(at.order, row, reason=code, actor=at.actor, as_of=at.as_of)


def _part(at: Job, row: OrderLine) -> Part:
    """What the line comes to now: its days are those of the day on which it is carried out."""
    account, offer = at.order.account, row.offer.code
    if row.action == LineAction.ADD:
        wish = Wish(account, add=(offer,), address=row.address)
    else:
        assert row.replaces is not None
        number = row.replaces.number
        wish = (
            Wish(account, turn={number: offer})
            if row.action == LineAction.CHANGE
            else Wish(account, end=(number,))
        )
    return quoting.parts_of(wish, as_of=at.as_of)[0]


def _wanted(at: Job, row: OrderLine, part: Part) -> Wanted:
    assert part.begins is not None
    return Wanted(
        offer_id=row.offer_id,
        begins_on=part.begins.begins_on,
        ends_on=part.begins.ends_on,
        slip_id=at.slip_id if part.begins.ends_on else None,
        committed_until=part.begins.committed_until,
        paid_until=part.begins.paid_until,
        address=row.address,
        service_number=row.service_number,
        payer_id=at.payer_id,
    )


def _add(at: Job, row: OrderLine, part: Part) -> None:
    if row.offer.cycle == Cycle.ONCE:
        done(at, row, effective_on=part.effective_on)
        return
    begun = subscriptions.begin(
        account_id=at.order.account_id,
        wanted=_wanted(at, row, part),
        number_from=claims.ref(at.order),
        locked=at.order.account,
        actor=at.actor,
        as_of=at.as_of,
        reason=at.reason,
    )
    _begun(at, row, begun, part)


def _change(at: Job, row: OrderLine, part: Part) -> None:
    assert row.replaces is not None
    refunds.check(row.replaces.number, part.back_cents)
    row.back_cents = part.back_cents
    row.save(update_fields=["back_cents"])
    begun = subscriptions.turn(
        number=row.replaces.number,
        wanted=_wanted(at, row, part),
        slip_id=at.slip_id,
        actor=at.actor,
        as_of=at.as_of,
        reason=at.reason,
    )
    _begun(at, row, begun, part)


def _begun(at: Job, row: OrderLine, begun: Subscription, part: Part) -> None:
    """What begins on a later day is arranged, and the line done; what begins today is done when it is on."""
    is_later = part.effective_on > local_date(at.as_of)
    is_done = is_later or begun.state == SubscriptionState.ACTIVE
    if is_done:
        done(at, row, subscription=begun, effective_on=part.effective_on)
    else:
        moves.line_to(row, LineState.WORKING, subscription=begun, effective_on=part.effective_on)


def done(at: Job, row: OrderLine, **changes: Any) -> None:
    """What was ordered is on: only now comes back what was paid ahead for what it took the place of."""
    moves.line_to(row, LineState.DONE, **changes)
    claims.hand_out(at.order, row, actor=at.actor, as_of=at.as_of)
    handing.put_aside(row, actor=at.actor, as_of=at.as_of, reason=at.reason)
    if row.action == LineAction.CHANGE:
        _give_back(at, row, row.back_cents)


def _cancel(at: Job, row: OrderLine, part: Part) -> None:
    assert row.replaces is not None
    held = row.replaces
    named: dict[str, Any] = {"number": held.number, "actor": at.actor, "as_of": at.as_of, "reason": at.reason}
    if held.state == SubscriptionState.PENDING:
        subscriptions.cancel(**named)
        claims.drop_of(held.number, actor=at.actor, as_of=at.as_of, reason=at.reason)
    elif part.is_undone and _is_returnable(held, at.as_of):
        subscriptions.give_back(**named, slip_id=at.slip_id)
        claims.drop_of(held.number, actor=at.actor, as_of=at.as_of, reason=at.reason)
    else:
        subscriptions.set_end(**named, slip_id=at.slip_id, on=part.effective_on)
    _give_back(at, row, part.back_cents)
    moves.line_to(row, LineState.DONE, effective_on=part.effective_on)


def _is_returnable(held: Subscription, as_of: datetime) -> bool:
    return held.begins_on is not None and holding_rules.returnable(
        begins_on=held.begins_on, return_days=held.offer.return_days, today=local_date(as_of)
    )


def _give_back(at: Job, row: OrderLine, cents: int) -> None:
    assert row.replaces is not None
    refunds.of_subscription(row.replaces.number, cents, reason=at.reason, actor=at.actor, as_of=at.as_of)
