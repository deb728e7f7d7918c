"""How a message leaves the house. A provider knows the wire of one carrier and nothing of ours: plain values only."""

from dataclasses import dataclass
from typing import Protocol

from notices.attachments import Attachment
from notices.models import Failure


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one address. A channel that has no titles, attachments or headers leaves them out."""

    address: str
    title: str
    body: str
    message_id: str  # our own; sent again it is the same message
    attachment: Attachment | None = None
    unsubscribe_url: str = ""  # "": the message is not one that can be subscribed to


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has taken the message over; whether it arrives, a receipt will say."""

    provider_message_id: str  # "" when the provider gives none


class ProviderError(Exception):
    """Not taken over. `permanent`: another try would end the same. `reason` holds no personal data.

    `failure` says whose trouble it is: the address's (HARD, SOFT) or anything else.
    """

    def __init__(self, reason: str, *, permanent: bool, failure: Failure = Failure.OTHER) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.failure = failure


class Provider(Protocol):
    @property
    def code(self) -> str:
        """Stable name, kept with each delivery."""

    def send(self, message: Outgoing, *, timeout: float) -> Sent:
        """Hands one message over within `timeout` seconds, or raises ProviderError. Same message_id: same message."""
