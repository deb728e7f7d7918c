"""Why a bill is what it is: beside the month before, and what being late has added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q

from billing import explain
from billing.explain import Difference, Item, Side
from billing.models import Bill, BillKind, LargeBill, Penalty
from billing.penalty_rules import Period
from billing.selectors import penalties


@dataclass(frozen=True, slots=True)
class Comparison:
    """A periodic bill beside the one before; both None for an account's first."""

    before: Bill | None
    tree: Difference | None


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How a penalty comes about: days and principals, rounded once, less what was given up or billed before."""

    periods: Sequence[Period]
    computed_cents: int
    less_cents: int
    is_billed: bool  # False: it grows on until the bill is paid

    @property
    def cents(self) -> int:
        return max(0, self.computed_cents - self.less_cents)


def comparison(bill: Bill) -> Comparison | None:
    """None for a bill that no month's bill can be compared with (an order's, a penalty's)."""
    if bill.kind != BillKind.PERIODIC:
        return None
    before = _before(bill)
    if before is None:
        return Comparison(None, None)
    return Comparison(before, explain.compare(_side(before), _side(bill)))


def penalty(bill: Bill, *, on: date) -> Arithmetic | None:
    """Of a PENALTY bill as it was computed, of an unpaid late bill as it stands on that day; None without any."""
    if bill.kind == BillKind.PENALTY:
        kept = Penalty.objects.filter(bill=bill).first()
        return _kept(kept) if kept else None
    late = penalties.accrued([bill.pk], on=on).get(bill.pk) if bill.open_cents else None
    if late is None or not late.computed.cents:
        return None
    return Arithmetic(
        late.computed.periods, late.computed.cents, late.waived_cents + late.billed_cents, is_billed=False
    )


def large(bill: Bill) -> LargeBill | None:
    """The warning about the bill, if it was found to be suddenly huge."""
    return LargeBill.objects.filter(bill=bill).first()


def _before(bill: Bill) -> Bill | None:
    """The account's newest periodic bill of an earlier month; from the same biller where several wrote one."""
    earlier = Q(period__lt=bill.period) & ~Q(period="") if bill.period else Q(issued_on__lt=bill.issued_on)
    found = Bill.objects.filter(earlier, account_id=bill.account_id, kind=BillKind.PERIODIC)
    same_biller = found.filter(source=bill.source)
    newest = found.order_by("-period", "-issued_on", "-pk").first()
    if newest is None or newest.source == bill.source:
        return newest
    return same_biller.filter(period=newest.period).order_by("-issued_on", "-pk").first() or newest


def _side(bill: Bill) -> Side:
    items = [Item(line.code, line.text, line.amount_cents) for line in bill.lines.all()]
    return Side(items, bill.adjusted_cents)


def _kept(kept: Penalty) -> Arithmetic:
    less = kept.waived_cents + kept.billed_before_cents
    return Arithmetic([_period(each) for each in kept.periods], kept.computed_cents, less, is_billed=True)


def _period(kept: Mapping[str, Any]) -> Period:
    return Period(
        principal_cents=int(kept["principal_cents"]),
        first=date.fromisoformat(kept["first"]),
        last=date.fromisoformat(kept["last"]),
        rate_ppm=int(kept["rate_ppm"]),
    )
