"""Every FOR UPDATE of this room; queue tables are claimed in core.queues."""

from notices.models import Delivery


def delivery(delivery_id: int) -> Delivery | None:
    """The delivery as it is now, locked; None when there is no such one."""
    return Delivery.objects.select_for_update().filter(pk=delivery_id).first()


def delivery_of_provider(*, provider: str, provider_message_id: str) -> Delivery | None:
    """The delivery that the provider took over under this number of its own, locked; None when there is no such one."""
    known = Delivery.objects.select_for_update().filter(
        provider=provider, provider_message_id=provider_message_id
    )
    return known.first()
