"""What this room tells the rooms above it, and its own flats."""

from dataclasses import dataclass
from typing import ClassVar

from core.outbox import Event


@dataclass(frozen=True)
class OfSubscription(Event):
    """News of one subscription, in order."""

    number: str
    account_number: str
    offer_code: str
    on: str  # ISO day from which it holds

    @property
    def key(self) -> str:
        return f"subscription:{self.number}"


@dataclass(frozen=True)
class SubscriptionBegan(OfSubscription):
    """It is in use: whatever had to be switched on is on."""

    name: ClassVar[str] = "catalog.subscription_began"


@dataclass(frozen=True)
class SubscriptionEnded(OfSubscription):
    """It is over. `reason` is one of TerminationReason, or "CANCELLED" for what never came into use."""

    name: ClassVar[str] = "catalog.subscription_ended"
    reason: str


@dataclass(frozen=True)
class SubscriptionChanged(OfSubscription):
    """It took the place of `before` (a number), which ended on the same day."""

    name: ClassVar[str] = "catalog.subscription_changed"
    before: str


@dataclass(frozen=True)
class EndTakenBack(OfSubscription):
    """The end that the slip of that number had asked for does not come: it goes on. `on` is the day of that end."""

    name: ClassVar[str] = "catalog.end_taken_back"
    slip_number: str


@dataclass(frozen=True)
class SubscriptionSuspended(OfSubscription):
    """One reason (of SuspensionReason) more for which it is off."""

    name: ClassVar[str] = "catalog.subscription_suspended"
    reason: str


@dataclass(frozen=True)
class SubscriptionResumed(OfSubscription):
    """One reason less; `is_on` when it was the last one."""

    name: ClassVar[str] = "catalog.subscription_resumed"
    reason: str
    is_on: bool


@dataclass(frozen=True)
class FactsChanged(Event):
    """What an account pays for has become another one from a day of a month that is over: it may be charged already."""

    name: ClassVar[str] = "catalog.facts_changed"
    account_number: str  # of whoever pays
    from_day: str  # ISO
    reason: str

    @property
    def key(self) -> str:
        return self.account_number


@dataclass(frozen=True)
class OrderWaits(Event):
    """An order is accepted and is carried out as soon as its bill is paid; `until` ISO 8601."""

    name: ClassVar[str] = "catalog.order_waits"
    number: str
    account_number: str
    until: str

    @property
    def key(self) -> str:
        return f"order:{self.number}"


@dataclass(frozen=True)
class OrderEnded(Event):
    """An order is over: state COMPLETED, PARTIAL, FAILED or CANCELLED."""

    name: ClassVar[str] = "catalog.order_ended"
    number: str
    account_number: str
    state: str
    reason: str  # code of why it was cancelled or failed; empty otherwise

    @property
    def key(self) -> str:
        return f"order:{self.number}"
