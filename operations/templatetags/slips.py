"""How slips and operations read on a page."""

from django import template
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext

from operations import registry, texts
from operations.models import Slip, SlipState
from operations.registry import Operation

register = template.Library()

_BADGES = {
    SlipState.DONE: "ok",
    SlipState.IN_PROGRESS: "wait",
    SlipState.REFUSED: "warn",
    SlipState.FAILED: "bad",
}


@register.filter
def operation_title(slip: Slip) -> str:
    """The operation's name; its code when it is no longer offered."""
    operation = registry.find(slip.operation)
    return str(operation.title) if operation else slip.operation


@register.filter
def operation_url(operation: Operation) -> str:
    """The operation's own page, or the generic form."""
    if operation.page_url_name:
        return reverse(operation.page_url_name)
    return reverse("operations:form", args=[operation.code])


@register.filter
def state_badge(state: str) -> str:
    """The kind of badge: ok, wait, warn, bad or muted."""
    return _BADGES.get(SlipState(state), "muted")


@register.filter
def state_label(state: str) -> str:
    return str(SlipState(state).label)


@register.filter
def step_label(state: str) -> str:
    """The step as the customer lived it: to him a draft is where he began."""
    return gettext("开始办理") if state == SlipState.DRAFT else state_label(state)


@register.filter
def when_and_where(slip: Slip) -> str:
    """2026年11月18日 12:00 · 网上营业厅"""
    started = formats.date_format(timezone.localtime(slip.started_at), "DATETIME_FORMAT")
    return f"{started} · {slip.get_channel_display()}"


@register.filter
def in_reader_language(kept: "texts.Texts | str") -> str:
    return texts.in_reader_language(kept)


@register.filter
def handled_by(slip: Slip) -> str:
    """工号 and name of the member of staff who acted for the customer; "" where nobody did."""
    if slip.on_behalf_of_id is None or slip.actor is None:
        return ""
    number = slip.actor.get_username()
    return gettext("工号 %(number)s（%(name)s）代办") % {"number": number, "name": slip.actor.name or number}


@register.filter
def quote_shown(slip: Slip) -> dict[str, object]:
    """The quote as this customer read it."""
    shown: dict[str, object] = slip.quote.get("shown") or slip.quote
    return shown
