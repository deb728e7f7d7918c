"""What the pages of the next bill and of the adviser say."""

from collections.abc import Mapping

from django import template
from django.utils.translation import gettext as _

from core import money

register = template.Library()


@register.filter
def named(names: Mapping[str, str], code: str) -> str:
    """The name of an offer; its code where it has none."""
    return names.get(code, code)


@register.filter
def saving(cents: int) -> str:
    """What would have been saved, or paid more, in words that cannot be misread."""
    if not cents:
        return _("一样")
    sums = {"sum": money.display(abs(cents))}
    return _("省 %(sum)s") % sums if cents > 0 else _("贵 %(sum)s") % sums
