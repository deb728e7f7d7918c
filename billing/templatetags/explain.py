"""How the difference between two bills reads on a page."""

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.documents import words
from billing.explain import Difference, Kind
from core import money

register = template.Library()


@register.filter
def signed(cents: int) -> str:
    """+¥20.00 or -¥3.00: more or less than before."""
    return f"+{money.display(cents)}" if cents > 0 else money.display(cents)


@register.filter
def group_title(group: Difference) -> str:
    """What the items of a branch have in common."""
    return {
        Kind.NEW: _("新增的项目"),
        Kind.CHANGED: _("金额有变化的项目"),
        Kind.GONE: _("这次没有的项目"),
        Kind.ADJUSTED: _("调账减免"),
    }[group.kind]


@register.filter
def item_name(item: Difference) -> str:
    """What the bill calls it; where one item code has several names, the first and how many more."""
    if item.texts == 1:
        return item.text
    more = item.texts - 1
    return ngettext("%(text)s 等，另有 %(more)s 项", "%(text)s 等，另有 %(more)s 项", more) % {
        "text": item.text,
        "more": more,
    }


@register.filter
def both_amounts(node: Difference) -> str:
    """What it was and what it is now."""
    known = {"before": money.display(node.before_cents or 0), "now": money.display(node.now_cents or 0)}
    if node.before_cents is None:
        return _("本期 %(now)s，上期没有") % known
    if node.now_cents is None:
        return _("上期 %(before)s，本期没有") % known
    return _("上期 %(before)s，本期 %(now)s") % known


@register.filter
def size_of(cents: int) -> int:
    """How much, whichever way."""
    return abs(cents)


@register.filter
def daily_rate(ppm: int) -> str:
    """3000 parts of a million as "3‰"."""
    return words.rate(ppm)
