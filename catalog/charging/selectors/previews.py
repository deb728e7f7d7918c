"""The next bill before it is there: the running month by the same path as the run, as if nothing changed any more."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from accounts.models import BillingAccount
from catalog.charging import rules, texts
from catalog.charging.rules import NextBill
from catalog.charging.selectors import candidates, facts, next_bills
from catalog.charging.texts import Names
from catalog.pricing import digest
from catalog.pricing.types import Line, Period


@dataclass(frozen=True, slots=True)
class Preview:
    """What a month's bill will say. `before`: what was charged for the month before, () where nothing was."""

    period: Period
    bill: NextBill
    before: tuple[Line, ...] = ()
    is_over: bool = False  # the month is over and waits for its run

    @property
    def digest(self) -> str:
        """Equal to that of the charged month, if nothing changes."""
        return digest(self.bill.month)

    @property
    def before_cents(self) -> int:
        return sum(line.amount_cents for line in self.before)


@dataclass(frozen=True, slots=True)
class Row:
    """One item of two months beside each other. None: not in that month at all."""

    text: str
    before_cents: int | None
    now_cents: int | None

    @property
    def change_cents(self) -> int:
        return (self.now_cents or 0) - (self.before_cents or 0)


def preview(account: BillingAccount, *, on: date, with_pending: bool = False) -> Preview:
    """The bill of the month of that day; its tier and segments are those of the day. Raises PricingError.

    `with_pending`: with what is ordered and still being switched on, which a run would not charge yet.
    """
    period = Period.containing(on)
    ready = next_bills.ready([account.pk], period, on=on, with_pending=with_pending)
    return Preview(period, ready.of(account.pk), _charged(account, rules.before(period)))


def coming(account: BillingAccount, *, on: date) -> list[Preview]:
    """The bills to come, the next one first: that of the month before, if it is not written yet, then the running one.

    Raises PricingError.
    """
    running = preview(account, on=on)
    last = rules.before(running.period)
    if not candidates.page(_only(account), last, beyond=0, most=1):
        return [running]
    over = next_bills.ready([account.pk], last).of(account.pk)
    # What is put right and carried comes with the first of the two.
    alone = replace(running, bill=rules.next_bill(running.bill.month), before=over.month)
    return [Preview(last, over, _charged(account, rules.before(last)), is_over=True), alone]


def compare(before: Iterable[Line], now: Iterable[Line], known: Names) -> list[Row]:
    """Item by item, those of now first: one offer's fee, discount or pause is one item, however it is cut into days.

    For quotes as well: what the next bill says without a change, and with it.
    """
    old, new = _by_item(before), _by_item(now)
    here = [Row(known.item(line), _cents(old.get(key)), cents) for key, (line, cents) in new.items()]
    gone = [Row(known.item(line), cents, None) for key, (line, cents) in old.items() if key not in new]
    return here + gone


def rows(shown: Preview) -> list[Row]:
    """The month beside the one before, in the reader's language."""
    return compare(shown.before, shown.bill.month, texts.names())


def _by_item(lines: Iterable[Line]) -> dict[tuple[str, int], tuple[Line, int]]:
    found: dict[tuple[str, int], tuple[Line, int]] = {}
    for line in lines:
        key = (line.code, line.terminal)
        first, cents = found.get(key, (line, 0))
        found[key] = (first, cents + line.amount_cents)
    return found


def _cents(item: tuple[Line, int] | None) -> int | None:
    return None if item is None else item[1]


def _charged(account: BillingAccount, period: Period) -> tuple[Line, ...]:
    found = facts.charged([account.pk], period.code).get(account.pk)
    return found.lines if found else ()


def _only(account: BillingAccount) -> candidates.Scope:
    return candidates.Scope(account_number=account.number)


def correction_rows(bill: NextBill, known: Names) -> Sequence[tuple[str, int]]:
    """What earlier months are put right by: text and fen."""
    return [
        (texts.correction_text(each.period, known.of(line)), line.amount_cents)
        for each in bill.corrections
        for line in each.lines
    ]
