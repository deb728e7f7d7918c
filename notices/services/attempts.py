"""Each try to hand a delivery over is kept: who, when, and why it failed."""

import os
import socket
from datetime import datetime

from notices.models import Delivery, DeliveryAttempt


def keep(row: Delivery, *, provider: str, error: str, as_of: datetime) -> None:
    """Writes the try down, in the transaction that notes its end on the delivery."""
    DeliveryAttempt.objects.create(
        delivery_id=row.pk,
        number=row.attempts,
        at=as_of,
        worker=worker(),
        provider=provider,
        error=error[:200],
    )


def worker() -> str:
    """The process that tries, as it can be found in its log."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}"
