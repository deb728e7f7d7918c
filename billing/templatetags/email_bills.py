"""Bills by e-mail on pages of other rooms, which cannot ask billing themselves."""

from typing import Any

from django import template

from billing.selectors import email_subscriptions as reads
from billing.selectors.email_subscriptions import Shown

register = template.Library()


@register.simple_tag
def email_bills(user: Any) -> list[Shown]:
    """A line per account whose bills this user may have sent to a mailbox."""
    return reads.shown_to(user) if user.is_authenticated else []


@register.simple_tag
def email_bills_bounced(user: Any) -> list[Shown]:
    """Those of them whose mailbox sent the bills back; one query as a rule."""
    return reads.bounced_of(user) if user.is_authenticated else []
