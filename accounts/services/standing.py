"""How a customer stands: his tier, and the segments that he belongs to. From today or a day to come.

Prices rest on both. Only what is said to be a correction reaches back to days gone by: whoever charged them is told
(`StandingChanged`), and puts it right.
"""

from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts import locks
from accounts.events import StandingChanged
from accounts.models import Customer, Segment, SegmentMembership, Standing
from core import outbox
from core.clock import local_date
from core.errors import Conflict, NotFound

REASON = "STANDING"  # why months are charged again


class StandingInThePast(Conflict):
    code = "STANDING_IN_THE_PAST"
    message = _("等级和客户群只能从今天或以后生效")


class StandingAlready(Conflict):
    code = "STANDING_ALREADY"
    message = _("这一天或以后已经另有安排，请先结束它")


class UnknownSegment(NotFound):
    code = "UNKNOWN_SEGMENT"
    message = _("没有这个客户群")


@transaction.atomic
def set_standing(
    *,
    customer_id: int,
    tier: str,
    as_of: datetime,
    active_from: date,
    active_to: date | None = None,
    credit_days: int = 0,
    priority: int = 0,
    is_correction: bool = False,
) -> Standing:
    """The customer is of this tier from that day; the one before ends on it. The same again changes nothing.

    Raises NotFound, StandingInThePast, StandingAlready when something begins on that day or later.
    """
    locks.customer(customer_id)
    wanted = {"tier": tier, "credit_days": credit_days, "priority": priority, "active_to": active_to}
    present = Standing.objects.filter(customer_id=customer_id).filter(
        Q(active_to=None) | Q(active_to__gt=active_from)
    )
    same: Standing | None = present.filter(active_from__lte=active_from, **wanted).first()
    if same is not None:
        return same
    _check_day(active_from, as_of, customer_id, is_correction=is_correction)
    if present.filter(active_from__gte=active_from).exists():
        raise StandingAlready()
    present.update(active_to=active_from)
    return Standing.objects.create(customer_id=customer_id, active_from=active_from, **wanted)


@transaction.atomic
def end_standing(*, customer_id: int, as_of: datetime, on: date, is_correction: bool = False) -> None:
    """The customer is of no tier from that day on. Raises NotFound when he is of none, StandingInThePast."""
    locks.customer(customer_id)
    _check_day(on, as_of, customer_id, is_correction=is_correction)
    rows = Standing.objects.filter(customer_id=customer_id, active_from__lt=on)
    if not rows.filter(Q(active_to=None) | Q(active_to__gt=on)).update(active_to=on):
        raise NotFound()


@transaction.atomic
def join_segment(
    *,
    customer_id: int,
    segment_code: str,
    source: str,
    as_of: datetime,
    active_from: date,
    active_to: date | None = None,
    is_correction: bool = False,
) -> SegmentMembership:
    """The customer belongs to the segment from that day; who belongs to it then already, stays as he is.

    `source` says how it is known. Raises NotFound, UnknownSegment, StandingInThePast, StandingAlready when he is to
    join it later.
    """
    locks.customer(customer_id)
    segment = Segment.objects.filter(code=segment_code).first()
    if segment is None:
        raise UnknownSegment()
    rows = SegmentMembership.objects.filter(customer_id=customer_id, segment=segment)
    lasting = rows.filter(Q(active_to=None) | Q(active_to__gt=active_from))
    known: SegmentMembership | None = lasting.filter(active_from__lte=active_from).first()
    if known is not None:
        return known
    _check_day(active_from, as_of, customer_id, is_correction=is_correction)
    if lasting.exists():
        raise StandingAlready()
    return SegmentMembership.objects.create(
        segment=segment,
        customer_id=customer_id,
        source=source,
        active_from=active_from,
        active_to=active_to,
    )


@transaction.atomic
def leave_segment(
    *, customer_id: int, segment_code: str, as_of: datetime, on: date, is_correction: bool = False
) -> None:
    """The customer does not belong to it from that day on. Raises NotFound for who does not, StandingInThePast."""
    locks.customer(customer_id)
    _check_day(on, as_of, customer_id, is_correction=is_correction)
    rows = SegmentMembership.objects.filter(
        customer_id=customer_id, segment__code=segment_code, active_from__lt=on
    )
    if not rows.filter(Q(active_to=None) | Q(active_to__gt=on)).update(active_to=on):
        raise NotFound()


def _check_day(day: date, as_of: datetime, customer_id: int, *, is_correction: bool) -> None:
    """Raises StandingInThePast for a day gone by, unless it is a correction: then whoever charged is told."""
    if day >= local_date(as_of):
        return
    if not is_correction:
        raise StandingInThePast()
    number = Customer.objects.values_list("number", flat=True).get(pk=customer_id)
    outbox.publish(StandingChanged(number, day.isoformat(), REASON), as_of=as_of)
