"""What rooms above have against an order: asked of each order together with everything else that stands against it.

    bars.add(bars.Bar(asked=Prepared(...), values=lambda account_id, today: {...}, refuse=...))

`asked` is read in the one statement that every order costs anyway; only where it finds something is `refuse` called.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from accounts.models import BillingAccount
from catalog.offers.models import Offer
from core.prepared import Prepared


class Refuse(Protocol):
    def __call__(self, account: BillingAccount, added: Mapping[str, Offer], *, on: date) -> None:
        """Raises a HallError when this account may not have these offers, by code, on that day."""


@dataclass(frozen=True, slots=True)
class Bar:
    asked: Prepared[Any]
    values: Callable[[date], dict[str, Any]]  # of the day
    refuse: Refuse


_bars: list[Bar] = []


def add(bar: Bar) -> None:
    """Registers it: called while the rooms are loaded."""
    _bars.append(bar)


def asked(today: date) -> list[tuple[Prepared[Any], dict[str, Any]]]:
    """The reads, in the order in which `raised` takes their answers."""
    return [(bar.asked, bar.values(today)) for bar in _bars]


def raised(found: tuple[bool, ...], account: BillingAccount, added: Mapping[str, Offer], *, on: date) -> None:
    """Raises what the first of them has against it. `added`: by code."""
    for bar, is_asked in zip(_bars, found, strict=True):
        if is_asked and added:
            bar.refuse(account, added, on=on)
