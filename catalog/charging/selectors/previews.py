"""The next bill before it is there: the running month by the same path as the run, as if nothing changed any more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from accounts.models import BillingAccount
from catalog.charging import rules, texts
from catalog.charging.rules import NextBill
from catalog.charging.selectors import candidates, facts, next_bills
from catalog.offers import lines
from catalog.offers.lines import Beside, Names
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


def beside(shown: Preview, known: Names) -> Beside:
    """The month beside the one before."""
    return lines.compare(shown.before, shown.bill.month, known)


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
