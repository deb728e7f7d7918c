"""What the bill of a month says, for many accounts at once. Bill run, dry run and preview all ask here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from catalog.charging import rules
from catalog.charging.rules import NEVER, Charged, Correction, Facts, NextBill
from catalog.charging.selectors import facts
from catalog.pricing import charges
from catalog.pricing.types import Line, Period


@dataclass(frozen=True, slots=True)
class Ready:
    """All that is needed to compute the bills of these accounts, as read at one time."""

    period: Period
    months: Mapping[int, Facts]
    # By account: each month to be charged again, as it was charged, with its facts of now.
    again: Mapping[int, Sequence[tuple[str, Charged, Facts]]] = field(default_factory=dict)
    carried: Mapping[int, int] = field(default_factory=dict)

    def of(self, account_id: int) -> NextBill:
        """The account's bill. Raises a PricingError for what cannot be priced."""
        corrections = [_correction(*each) for each in self.again.get(account_id, ())]
        return rules.next_bill(
            month(self.months[account_id]),
            corrections=[found for found in corrections if found is not None],
            carried_cents=self.carried.get(account_id, 0),
        )


def month(found: Facts) -> tuple[Line, ...]:
    """What an account pays for a month: by the pricing function, and nothing else."""
    if not found.holdings:
        return ()
    return charges(
        holdings=found.holdings, change=None, customer=found.customer, book=found.book, period=found.period
    ).month


def ready(
    account_ids: Sequence[int], period: Period, *, on: date | None = None, with_pending: bool = False
) -> Ready:
    """Reads everything; `on` and `with_pending` as `facts.of_many` has them, for a month that still runs."""
    again: dict[int, list[tuple[str, Charged, Facts]]] = {}
    for code, ids in facts.recharges(account_ids, period.code).items():
        was = facts.charged(ids, code)
        places = {key: found.place for key, found in was.items() if found.place is not None}
        now = facts.of_many(ids, Period.of(code), places=places)
        for key in ids:
            again.setdefault(key, []).append((code, was.get(key, NEVER), now[key]))
    return Ready(
        period=period,
        months=facts.of_many(account_ids, period, on=on, with_pending=with_pending),
        again=again,
        carried=facts.carried(account_ids, period.code),
    )


def _correction(code: str, was: Charged, now: Facts) -> Correction | None:
    """None: the month stays as it was charged."""
    whole = month(now)
    lines = rules.difference(was.lines, whole)
    if not lines:
        return None
    return Correction(code, was.revision + 1, now.place, whole, lines)
