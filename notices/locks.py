"""Every FOR UPDATE of this room; queue tables are claimed in core.queues."""

from datetime import datetime

from notices.models import Delivery, LetterList, Message


def delivery(delivery_id: int) -> Delivery | None:
    """The delivery as it is now, locked; None when there is no such one."""
    return Delivery.objects.select_for_update().filter(pk=delivery_id).first()


def delivery_of_provider(*, provider: str, provider_message_id: str) -> Delivery | None:
    """The delivery that the provider took over under this number of its own, locked; None when there is no such one."""
    known = Delivery.objects.select_for_update().filter(
        provider=provider, provider_message_id=provider_message_id
    )
    return known.first()


def delivery_whose_time_is_over(delivery_id: int, *, as_of: datetime) -> Delivery | None:
    """The delivery, locked, if another way is due for it and nobody else is at it."""
    late = Delivery.objects.select_for_update(skip_locked=True)
    return late.filter(pk=delivery_id, fallback_at__lte=as_of).first()


def message(message_id: int) -> Message:
    """The message, locked: always after a delivery of it."""
    return Message.objects.select_for_update().get(pk=message_id)


def letter_list(list_id: int) -> LetterList | None:
    """The list as it is now, locked; None when there is no such one."""
    return LetterList.objects.select_for_update().filter(pk=list_id).first()


def letters_of(list_id: int) -> list[Delivery]:
    """The letters of a list, locked in their order."""
    return list(Delivery.objects.select_for_update().filter(letter_list_id=list_id).order_by("pk"))
