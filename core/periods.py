"""Laws of rows that hold for a time, `[active_from, active_to)`: the end alone may change, and rows may not overlap."""

import pgtrigger
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db.models import CheckConstraint, F, Func, Q

from core.db import Law, refuse

TODAY = "(now() AT TIME ZONE 'Asia/Shanghai')::date"


class Days(Func):
    """The half-open range of days of a row; an open end where `active_to` is null."""

    function = "daterange"
    output_field = DateRangeField()


def in_order(*, name: str) -> CheckConstraint:
    """A period ends after it begins."""
    return CheckConstraint(condition=Q(active_to__isnull=True) | Q(active_to__gt=F("active_from")), name=name)


class EndsInFuture(Law):
    """What has held on a day has held for ever: an end is set, or moved, only from tomorrow on."""

    def __init__(self, *, name: str) -> None:
        func = (
            "IF NEW.active_to IS NOT DISTINCT FROM OLD.active_to OR ((NEW.active_to IS NULL OR NEW.active_to > "
            f"{TODAY}) AND (OLD.active_to IS NULL OR OLD.active_to > {TODAY})) THEN RETURN NEW; END IF; "
            + refuse(name, "a policy ends, or goes on, only from tomorrow on")
        )
        update = pgtrigger.UpdateOf("active_to")  # type: ignore[no-untyped-call]
        super().__init__(name=name, operation=update, func=func)


OVERLAP = (Days("active_from", "active_to"), RangeOperators.OVERLAPS)
