"""Laws of rows that hold for a time, `[active_from, active_to)`: the end alone may change, and rows may not overlap."""

from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db.models import CheckConstraint, F, Func, Q


class Days(Func):
    """The half-open range of days of a row; an open end where `active_to` is null."""

    function = "daterange"
    output_field = DateRangeField()


def in_order(*, name: str) -> CheckConstraint:
    """A period ends after it begins."""
    return CheckConstraint(condition=Q(active_to__isnull=True) | Q(active_to__gt=F("active_from")), name=name)


OVERLAP = (Days("active_from", "active_to"), RangeOperators.OVERLAPS)
