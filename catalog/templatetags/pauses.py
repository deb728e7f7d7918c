"""How a pause reads on a page."""

from dataclasses import dataclass

from django import template
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext, ngettext

from catalog.holdings.models import Suspension
from catalog.pauses.selectors import pauses
from core import clock

register = template.Library()


@dataclass(frozen=True, slots=True)
class State:
    """Until when it is off, and where to have it back before."""

    text: str
    href: str
    link: str


@register.simple_tag
def pause_state(stop: Suspension) -> State:
    """Of a suspension that the customer asked for; one that staff or an import wrote has no last day."""
    number = stop.subscription.number
    pause = pauses.of_service(stop.subscription_id)
    if pause is None:
        return State(
            gettext("这是您申请的停机保号，号码为您保留；要恢复请联系客服。"),
            reverse("hall:help"),
            gettext("联系我们"),
        )
    days = pauses.days_left(pause, clock.local_date(clock.now()))
    text = ngettext(
        "号码为您保留，%(day)s 自动复机，还有 %(days)s 天。",
        "号码为您保留，%(day)s 自动复机，还有 %(days)s 天。",
        days,
    ) % {"day": formats.date_format(pause.resume_on, "DATE_FORMAT"), "days": days}
    return State(text, f"{reverse('catalog:resume')}?subscription={number}", gettext("现在复机"))
