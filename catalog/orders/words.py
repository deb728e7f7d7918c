"""Orders in sentences that customers read."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from catalog.offers.models import Offer
from catalog.pricing.types import Line


def charge(line: Line) -> str:
    """What a line of the order's bill is for."""
    words = {
        "PERIOD": _("首期费用"),
        "ONCE": _("一次性费用"),
        "PAUSE": _("停机保号费用"),
        "PENALTY": _("提前终止违约金"),
        "NUMBER": _("选号费"),
    }
    return words[line.charge]


def bill_line(line: Line, offers: Mapping[str, Offer]) -> str:
    """A line as it stands on the bill."""
    offer = offers[line.offer].name if line.offer in offers else line.offer
    text = f"{offer} {charge(line)}"
    return _("%(line)s（优惠）") % {"line": text} if line.rule else text
