"""Telling the rooms above that a message did not arrive."""

from datetime import datetime

from core import outbox
from notices.events import DeliveryFailed
from notices.models import Delivery, Failure


def tell(delivery: Delivery, failure: Failure, *, as_of: datetime) -> None:
    """Publishes it in the present transaction, in which the delivery notes the failure."""
    message = delivery.message
    outbox.publish(
        DeliveryFailed(
            delivery_id=delivery.pk,
            recipient_ref=message.recipient_ref,
            code=message.code,
            channel=delivery.channel,
            failure=failure.value,
        ),
        as_of=as_of,
    )
