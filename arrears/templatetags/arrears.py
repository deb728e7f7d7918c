"""What every page says to whose account is in arrears."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.urls import reverse
from django.utils.translation import gettext

from accounts.rules import Action
from arrears import words
from arrears.choices import CloseReason, Stage
from arrears.selectors import outlook as reads
from arrears.selectors.outlook import Outlook
from arrears.selectors.timeline import Event
from arrears.words import Said
from core import clock
from notices import kinds
from operations import registry
from operations.templatetags.slips import operation_url

register = template.Library()
RESTORE = "number.restore"


@dataclass(frozen=True, slots=True)
class Banner:
    """An account in arrears with the one thing to do; `others`: how many more there are."""

    number: str
    said: Said
    href: str
    pay: str  # where to pay; "": nothing to pay now, or not for him
    restore: str
    others: int


@register.simple_tag(takes_context=True)
def arrears_banner(context: Any) -> Banner | None:
    """None for visitors, for who owes nothing that is late, and on the pages that say it all themselves."""
    request = context.get("request")
    user, match = getattr(request, "user", None), getattr(request, "resolver_match", None)
    if not getattr(user, "is_authenticated", False) or getattr(match, "namespace", "") == "arrears":
        return None
    found = reads.concerning(user, as_of=clock.now())
    if not found:
        return None
    return banner_of(found[0], others=len(found) - 1)


def banner_of(outlook: Outlook, *, others: int = 0) -> Banner:
    said = words.said(outlook)
    return Banner(
        number=outlook.number,
        said=said,
        href=reverse("arrears:account", args=[outlook.number]),
        pay=pay_url(outlook.number) if said.may_pay and outlook.may(Action.PAY) else "",
        restore=restore_url(outlook) if said.may_restore and outlook.may(Action.ORDER) else "",
        others=others,
    )


def pay_url(number: str) -> str:
    return f"{reverse('billing:pay')}?account={number}"


def restore_url(outlook: Outlook) -> str:
    """Where the first of its numbers that were cut is had back; "" where that is not offered."""
    operation = registry.find(RESTORE)
    if operation is None or not outlook.kept:
        return ""
    return f"{operation_url(operation)}?subscription={outlook.kept[0].line}"


@register.filter
def event_tone(event: Event) -> str:
    """The class of its mark: what was switched off, and what ended well."""
    if event.reason in CloseReason.values:
        return "is-ok"
    return "is-bad" if event.stage in (Stage.SUSPENDED, Stage.DISCONNECTED) else ""


@register.filter
def event_title(event: Event) -> str:
    """What happened, as the customer lived it."""
    if event.code:
        kind = kinds.find(event.code)
        return gettext("通知：%(title)s") % {"title": kind.title if kind else event.code}
    if event.reason in CloseReason.values:
        return str(CloseReason(event.reason).label)
    return str(Stage(event.stage).label)
