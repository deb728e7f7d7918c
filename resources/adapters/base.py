"""What an adapter is: pure values in and out, no models, no settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Order:
    """One command as the far system gets it. The same key is the same order, however often it is sent."""

    key: str
    action: str
    subject_kind: str
    subject_id: str
    payload: Mapping[str, Any]


class Status(StrEnum):
    DONE = "DONE"
    PENDING = "PENDING"  # the far system works on it: ask again with the same key


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verified answer. `reference` is the far system's own number, "" where it gives none."""

    status: Status
    reference: str = ""


class AdapterError(Exception):
    """It did not work, or nobody knows. `permanent`: trying again would not help. `reason`: no personal data."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


class Adapter(Protocol):
    @property
    def code(self) -> str: ...

    def execute(self, order: Order) -> Outcome:
        """Has the order done. Safe to repeat: the far system does each key once. Raises AdapterError."""
