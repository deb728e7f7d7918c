"""What all papers of billing say alike."""

from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from core import clock


def day(value: date) -> str:
    return formats.date_format(value, "DATE_FORMAT")


def moment(value: datetime) -> str:
    """Date and time where the customers live."""
    return formats.date_format(timezone.localtime(value, clock.SHANGHAI), "DATETIME_FORMAT")


def rate(ppm: int) -> str:
    """A daily rate of 3000 parts of a million as "3‰"."""
    return f"{(Decimal(ppm) / 1000).normalize():f}‰"


def made_at(as_of: datetime) -> datetime:
    """What the file says about when it was made: the day alone, so that the same content is the same file."""
    return as_of.astimezone(clock.SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)


def footer(number: str, as_of: datetime) -> str:
    """Which paper, of which day, and where to ask."""
    parts = [number, _("制于 %(date)s") % {"date": day(clock.local_date(as_of))}]
    if settings.HELP_LINE:
        parts.append(_("客服热线 %(line)s") % {"line": settings.HELP_LINE})
    return " · ".join(parts)


def pages() -> str:
    return _("第 {page} 页，共 {pages} 页")
