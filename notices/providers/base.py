"""How a message leaves the house. A provider knows the wire of one carrier and nothing of ours: plain values only."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has taken the message over; whether it arrives, a receipt will say."""

    provider_message_id: str  # "" when the provider gives none


class ProviderError(Exception):
    """Not taken over. `permanent`: another try would end the same. `reason` holds no personal data."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


class Provider(Protocol):
    @property
    def code(self) -> str:
        """Stable name, kept with each delivery."""

    def send(self, *, address: str, title: str, body: str, message_id: str, timeout: float) -> Sent:
        """Hands one message over within `timeout` seconds, or raises ProviderError. Same message_id: same message."""
