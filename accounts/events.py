"""What this room tells the rooms above it."""

from dataclasses import dataclass
from typing import ClassVar

from core.outbox import Event


@dataclass(frozen=True)
class AccountsImported(Event):
    """New accounts came in with money of their customers: [account number, fen] each."""

    name: ClassVar[str] = "accounts.accounts_imported"

    source: str
    opening: list[list[str | int]]
    at: str  # ISO: as of when

    @property
    def key(self) -> str:
        return self.source


@dataclass(frozen=True)
class MembershipEnded(Event):
    """A user has his role on an account no more (he left, or has another one): what only it allowed ends with it."""

    name: ClassVar[str] = "accounts.membership_ended"

    account_number: str
    user_id: int
    role: str
    at: str  # ISO

    @property
    def key(self) -> str:
        return self.account_number


@dataclass(frozen=True)
class DataExportEnded(Event):
    """A copy of a user's data can be downloaded, or could not be made."""

    name: ClassVar[str] = "accounts.data_export_ended"

    reference: str
    state: str  # READY | FAILED | PURGED

    @property
    def key(self) -> str:
        return self.reference


@dataclass(frozen=True)
class StandingChanged(Event):
    """A customer's tier or segments have become others from a day gone by: what he was charged since may be wrong."""

    name: ClassVar[str] = "accounts.standing_changed"
    customer_number: str
    from_day: str  # ISO
    reason: str

    @property
    def key(self) -> str:
        return self.customer_number
