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
