"""Pure decisions about money."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Owed:
    """What is open on one bill, and the penalty that is billed in the moment in which the bill is paid off."""

    bill_id: int
    cents: int
    penalty_cents: int = 0  # accrued, not billed yet
    is_penalty: bool = False  # the bill is itself one of a penalty


@dataclass(frozen=True, slots=True)
class Share:
    """`cents` of a sum for the bill with this id; always above zero."""

    bill_id: int
    cents: int


@dataclass(frozen=True, slots=True)
class PenaltyShare:
    """A penalty that is billed now because this bill is paid off, and how much of it is paid at once (perhaps 0)."""

    bill_id: int
    total_cents: int
    cents: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a sum settles; what it leaves is the account's credit."""

    shares: tuple[Share, ...]
    penalties: tuple[PenaltyShare, ...] = ()

    @property
    def cents(self) -> int:
        """Fen of the sum that are used."""
        return sum(share.cents for share in self.shares) + sum(share.cents for share in self.penalties)


def settle(amount_cents: int, owed: Sequence[Owed], *, first_bill_id: int | None = None) -> Settlement:
    """What a payment settles: the named bill with its penalty, then fees in the order given, then penalties.

    Fees come before penalties, because a fee that stays open goes on costing penalty. A penalty is billed as soon as
    its bill is paid off, also when nothing is left to pay it.
    """
    shares: list[Share] = []
    penalties: list[PenaltyShare] = []
    left = amount_cents
    named = [bill for bill in owed if bill.bill_id == first_bill_id]
    for group in (named, [bill for bill in owed if bill.bill_id != first_bill_id]):
        paid_off: list[Owed] = []
        for bill in sorted(group, key=lambda bill: bill.is_penalty):  # stable: keeps the order of age
            cents = min(left, bill.cents)
            if cents > 0:
                shares.append(Share(bill.bill_id, cents))
                left -= cents
            if cents == bill.cents and bill.penalty_cents:
                paid_off.append(bill)
        for bill in paid_off:
            cents = min(left, bill.penalty_cents)
            penalties.append(PenaltyShare(bill.bill_id, bill.penalty_cents, cents))
            left -= cents
    return Settlement(tuple(shares), tuple(penalties))


def after(owed: Sequence[Owed], taken: Settlement) -> Iterator[Owed]:
    """What is still open once the settlement is written, apart from penalties that it bills."""
    paid = {share.bill_id: share.cents for share in taken.shares}
    for bill in owed:
        cents = bill.cents - paid.get(bill.bill_id, 0)
        if cents:
            yield Owed(bill.bill_id, cents, bill.penalty_cents, bill.is_penalty)


def take_from(cents: int, free: Sequence[Share]) -> list[Share]:
    """A sum taken from several, in the order given; less than the sum when they hold less."""
    taken, left = [], cents
    for one in free:
        part = min(left, one.cents)
        if part > 0:
            taken.append(Share(one.bill_id, part))
            left -= part
    return taken
