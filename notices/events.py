"""What this room tells those above it."""

from dataclasses import dataclass
from typing import ClassVar

from core.outbox import Event


@dataclass(frozen=True)
class DeliveryFailed(Event):
    """A delivery ended without arriving, or its reader complained. Told once for each way in which it failed.

    `recipient_ref` is what the sender of the message gave; `failure` is a notices.models.Failure.
    """

    name: ClassVar[str] = "notices.delivery_failed"
    delivery_id: int
    recipient_ref: str
    code: str  # of the template
    channel: str
    failure: str

    @property
    def key(self) -> str:
        return self.recipient_ref
