"""What the hall tells of its own accord: the sources that a `Trigger` may name, each declared by the room that knows.

    @triggers.source("billing.bill_due", title=_("账单即将到期"), variables=(ACCOUNT_TAIL, AMOUNT, …))
    def bill_due(days: int, today: date, as_of: datetime) -> Iterable[Found]: …

Rooms do so in their `notice_triggers.py`. A source finds what is to be told on that day, and what was missed in the
`LATE` days before it: whoever was told is not told again, so that it need not remember. It streams: there may be many.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.functional import Promise

from notices import rules
from notices.kinds import Kind, Variable
from notices.services.messages import Address

LATE = 3  # days that the job may have been away: what is older is no news


@dataclass(frozen=True, slots=True)
class Found:
    """Something to tell. `key` is its own for ever: told under it once, it is never told again by that trigger.

    `consent` is the evidence for marketing; "" where there is none.
    """

    key: str
    recipient_ref: str
    addresses: Sequence[Address]
    context: Mapping[str, str]
    language: str = rules.FALLBACK_LANGUAGE
    consent: str = ""


Find = Callable[[int, date, datetime], Iterable[Found]]


@dataclass(frozen=True, slots=True)
class Source:
    code: str
    title: str | Promise
    days_mean: str | Promise  # what the days of a trigger count from
    variables: Sequence[Variable]
    find: Find

    def missing(self, kind: Kind) -> frozenset[str]:
        """The variables of a kind that this source does not give."""
        return kind.names - {each.name for each in self.variables}


class UnknownSource(LookupError):
    """No room declares it (any more)."""


_sources: dict[str, Source] = {}


def source(
    code: str, *, title: str | Promise, days_mean: str | Promise, variables: Sequence[Variable]
) -> Callable[[Find], Find]:
    """Declares the decorated function (days, today, as_of) → Found… as a source; the same code twice is a mistake."""

    def register(find: Find) -> Find:
        if code in _sources:
            raise ValueError(f"two sources of triggers with the code {code}")
        _sources[code] = Source(code, title, days_mean, variables, find)
        return find

    return register


def withdraw(code: str) -> None:
    """Takes a source away again (a test's toy)."""
    del _sources[code]


def get(code: str) -> Source:
    """The source of that code; raises UnknownSource."""
    try:
        return _sources[code]
    except KeyError:
        raise UnknownSource(code) from None


def everything() -> list[Source]:
    return sorted(_sources.values(), key=lambda each: each.code)
