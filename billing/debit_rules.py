"""Pure decisions about bills that are debited by agreement."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

TRIES = 3  # the first, and two more
RETRY_AFTER = timedelta(days=2)  # a refused debit is tried again then


class Step(StrEnum):
    """What is to be done about a bill today."""

    NOTHING = "NOTHING"  # not yet, or never
    ANNOUNCE = "ANNOUNCE"
    DEBIT = "DEBIT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """An open bill under an active agreement, as it is now."""

    due_on: date
    open_cents: int
    max_cents: int  # of the agreement, for one debit
    is_disputed: bool
    announced_cents: int | None = None  # None: the customer has not been told
    debit_on: date | None = None  # what he was told
    tries: int = 0
    last_tried_on: date | None = None
    is_undecided: bool = False  # the last try may still take the money


def step(facts: Facts, *, today: date, notice_days: int) -> Step:
    """What to do today. A disputed bill is left alone until the dispute is answered."""
    if facts.is_disputed or facts.open_cents <= 0:
        return Step.NOTHING
    if facts.announced_cents is None or facts.debit_on is None:
        is_time = today >= facts.due_on - timedelta(days=notice_days)
        return Step.ANNOUNCE if is_time else Step.NOTHING
    if facts.announced_cents > facts.max_cents or facts.is_undecided or facts.tries >= TRIES:
        return Step.NOTHING
    next_on = facts.debit_on if facts.last_tried_on is None else facts.last_tried_on + RETRY_AFTER
    return Step.DEBIT if today >= next_on else Step.NOTHING


def amount(facts: Facts) -> int:
    """What to debit, in fen: never more than is owed, than was announced, or than the agreement allows."""
    return min(facts.open_cents, facts.announced_cents or 0, facts.max_cents)


def debit_on(due_on: date, *, today: date, notice_days: int) -> date:
    """The day of the debit that is announced today: the due day, and never sooner than the customer was promised."""
    return max(due_on, today + timedelta(days=notice_days))


def retry_on(tried_on: date, *, number: int) -> date | None:
    """When the next try is, after the refusal of this one; None: there is none."""
    return tried_on + RETRY_AFTER if number < TRIES else None
