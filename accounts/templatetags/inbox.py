"""What a message says, and what became of it, in the reader's words."""

from typing import Any

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.selectors import inbox
from core import masks
from notices import kinds, rules
from notices.models import Channel, Delivery, DeliveryState, Message

register = template.Library()
WORDS: dict[str, tuple[str, str | Promise]] = {
    DeliveryState.QUEUED: ("wait", _("等待发送")),
    DeliveryState.SENT: ("wait", _("已发出，还没有收到回执")),
    DeliveryState.DELIVERED: ("ok", _("已送达")),
    DeliveryState.FAILED: ("bad", _("没有送达")),
    DeliveryState.EXPIRED: ("muted", _("已过期，没有发送")),
}


@register.filter
def kind_title(message: Message) -> str | Promise:
    kind = kinds.find(message.code)
    return kind.title if kind else _("通知")


@register.filter
def state_badge(message: Message) -> str:
    return WORDS[inbox.state(message)][0]


@register.filter
def state_words(message: Message) -> str | Promise:
    return WORDS[inbox.state(message)][1]


@register.filter
def delivery_words(delivery: Delivery) -> str | Promise:
    return WORDS[delivery.state][1]


@register.filter
def masked_address(delivery: Delivery) -> str:
    """Never the whole address: others who share the account may read it."""
    return masks.address(delivery.address) if delivery.channel in (Channel.SMS, Channel.EMAIL) else ""


@register.filter
def text(message: Message) -> str:
    """As it was sent, on the channel that says most; "" for a secret, of which nobody keeps the text."""
    rows = list(message.deliveries.all())
    if any(row.template.is_secret for row in rows):
        return ""
    order = (Channel.INBOX, Channel.EMAIL, Channel.LETTER, Channel.SMS)
    best = sorted(rows, key=lambda row: order.index(Channel(row.channel)))
    return next((found for row in best if (found := _body(row, message))), "")


def _body(row: Delivery, message: Message) -> str:
    """What waits may be written only when it goes out: it is shown as it would be now."""
    if row.body or row.state != DeliveryState.QUEUED:
        return row.body
    try:
        return rules.render(row.template.body, message.context)
    except rules.BadTemplate:
        return ""


@register.simple_tag(takes_context=True)
def unread_messages(context: Any) -> int:
    """How many the user has not read; the page's own count where it has one."""
    if "unread" in context:
        return int(context["unread"])
    user = getattr(getattr(context, "request", None), "user", None)
    return inbox.of(user).unread if getattr(user, "is_authenticated", False) else 0
