"""How a message leaves the house. A provider knows the wire of one carrier and nothing of ours: plain values only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class BatchProvider(Provider, Protocol):
    """One that can take many messages in one request."""

    def takes_many(self) -> bool:
        """Whether it is set up for that."""

    def send_many(self, messages: Sequence[Outgoing], *, timeout: float) -> list[Sent | ProviderError]:
        """An answer for each message, in their order; raises ProviderError when there is none for any."""


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A receipt as the provider would have sent it by itself: the same bytes, the same signature."""

    body: bytes
    signature: str


@runtime_checkable
class PolledProvider(Provider, Protocol):
    """One that can be asked what became of messages whose receipts did not come."""

    def is_polled(self) -> bool:
        """Whether it is set up for that."""

    def poll(self, message_ids: Sequence[str], *, timeout: float) -> list[SignedReport]:
        """The receipts that there are for these messages of ours; raises ProviderError."""


def can_poll(provider: Provider) -> bool:
    return isinstance(provider, PolledProvider) and provider.is_polled()
