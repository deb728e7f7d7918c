"""How what is held reads on a page."""

from dataclasses import dataclass
from datetime import date

from django import template
from django.db.models import Model
from django.urls import reverse
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import references
from catalog.choices import SuspensionReason
from catalog.holdings.families import FamilyMember
from catalog.holdings.models import SubscriptionHistory, SubscriptionState
from catalog.holdings.selectors.services import Service, Shown
from core import money

register = template.Library()
_LABELS: dict[Shown, tuple[str, Promise]] = {
    Shown.ON: ("ok", _("使用中")),
    Shown.OFF: ("warn", _("已停用")),
    Shown.WAITING: ("wait", _("待开通")),
    Shown.ENDED: ("muted", _("已终止")),
    Shown.CANCELLED: ("muted", _("已取消")),
}


@dataclass(frozen=True, slots=True)
class ToDo:
    """What the customer can do about a suspension; `href` may be ""."""

    text: str | Promise
    href: str = ""
    link: str | Promise = ""


@register.filter
def service_badge(service: Service) -> str:
    return _LABELS[service.shown][0]


@register.filter
def service_label(service: Service) -> Promise:
    return _LABELS[service.shown][1]


@register.filter
def service_fee(service: Service) -> str:
    """What the running month costs; "" for what is not in use, and where it cannot be told."""
    if service.month_cents is None or service.shown == Shown.WAITING:
        return ""
    return money.display(service.month_cents)


@register.filter
def service_sub(service: Service) -> str:
    """The line beneath the name: why it is off, when it ends, until when it is bound, or what tells it from others."""
    row = service.row
    if service.stops:
        return gettext("、").join(str(SuspensionReason(stop.reason).label) for stop in service.stops)
    if row.ends_on:
        return gettext("%(day)s 结束") % {"day": formats.date_format(row.ends_on)}
    if row.committed_until:
        return gettext("合约至 %(day)s") % {"day": formats.date_format(row.committed_until)}
    if row.service_number or row.address:
        return row.service_number or row.address
    return gettext("%(day)s 起") % {"day": formats.date_format(row.begins_on)} if row.begins_on else ""


@register.simple_tag
def what_to_do(reason: SuspensionReason) -> ToDo:
    """How a service that is off for this reason comes on again; a pause says it itself."""
    if reason == SuspensionReason.ARREARS:
        return ToDo(_("缴清欠费后自动恢复。"), reverse("arrears:accounts"), _("欠费与停机"))
    if reason == SuspensionReason.FRAUD_CHECK:
        return ToDo(
            _("请使用人本人带有效身份证件到营业厅核验，核验通过后恢复。"),
            reverse("content:halls"),
            _("查营业厅"),
        )
    return ToDo(_("请联系客服了解原因和恢复办法。"), reverse("hall:help"), _("联系我们"))


@register.filter
def history_title(step: SubscriptionHistory) -> str:
    """What happened, as the customer lived it."""
    if not step.from_state:
        return gettext("登记")
    if step.from_state != step.to_state:
        return str(SubscriptionState(step.to_state).label)
    return gettext("变更日期")


@register.filter
def history_text(step: SubscriptionHistory) -> str:
    """The days as they were from then on."""
    if step.ends_on:
        return gettext("终止日 %(day)s") % {"day": formats.date_format(step.ends_on)}
    return gettext("开通日 %(day)s") % {"day": formats.date_format(step.begins_on)} if step.begins_on else ""


@register.filter
def member_since(member: FamilyMember, today: date) -> str:
    """Since when, from when, or until when somebody is paid for."""
    if member.active_to:
        return gettext("付费至 %(day)s 前") % {"day": formats.date_format(member.active_to)}
    text = gettext("从 %(day)s 起") if member.active_from > today else gettext("自 %(day)s 起")
    return text % {"day": formats.date_format(member.active_from)}


@register.filter
def row_reference(row: Model) -> str:
    """How forms name a row that has no public number."""
    return references.of(row)
