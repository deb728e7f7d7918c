"""Who has which number, which are free, and what a search finds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from accounts.models import Region
from core import clock
from core.errors import NotFound
from resources import rules
from resources.models import Number, NumberLockRule, NumberPeriod, PeriodKind


@dataclass(frozen=True)
class Wish:
    """What somebody looks for; everything empty: whatever there is."""

    anywhere: str = ""  # digits that stand somewhere in it
    ends_with: str = ""
    patterns: tuple[str, ...] = ()  # names of rules.PATTERNS, all of them wanted
    region: Region | None = None  # it, or what lies under it
    class_code: str = ""
    most_cents: int | None = None


def get(digits: str) -> Number:
    """The number with its class; raises NotFound."""
    found = Number.objects.select_related("number_class", "region").filter(digits=digits).first()
    if found is None:
        raise NotFound()
    return found


def present(number: Number, *, as_of: datetime) -> NumberPeriod | None:
    """The period that is not over at this instant; None while the number is free.

    One that begins later counts, too: whoever waited for the number's lock comes with an older instant.
    """
    latest = number.periods.order_by("-during__startswith").first()
    return latest if latest and (latest.ends_at is None or latest.ends_at > as_of) else None


def holds_of(holder: str, *, as_of: datetime) -> QuerySet[NumberPeriod]:
    """What somebody holds at this instant, the one that ends first first."""
    rows = NumberPeriod.objects.filter(holder=holder, kind=PeriodKind.HOLD, during__contains=as_of)
    return rows.select_related("number__number_class", "number__region").order_by("during__endswith", "id")


def of_owner(owner: str, *, as_of: datetime) -> QuerySet[NumberPeriod]:
    """The numbers that are an owner's at this instant."""
    rows = NumberPeriod.objects.filter(holder=owner, kind=PeriodKind.OWNER, during__contains=as_of)
    return rows.select_related("number__number_class", "number__region").order_by("number__digits")


def find(wish: Wish, *, as_of: datetime) -> QuerySet[Number]:
    """The numbers that are free at this instant and fit the wish, the cheapest first."""
    rows = Number.objects.free(as_of=as_of).filter(_fits(wish))
    return rows.select_related("number_class", "region").order_by("number_class__price_cents", "digits")


def _fits(wish: Wish) -> Q:
    marks = [*wish.patterns, *rules.marks_of_part(wish.anywhere)]
    found = Q(marks__contains=marks) if marks else Q()
    if wish.anywhere and len(wish.anywhere) not in rules.PARTS:
        found &= Q(digits__contains=wish.anywhere)
    if wish.ends_with:
        found &= Q(backwards__startswith=wish.ends_with[::-1])
    if wish.region is not None:
        found &= Q(region_id__in=_under(wish.region))
    if wish.class_code:
        found &= Q(number_class__code=wish.class_code)
    if wish.most_cents is not None:
        found &= Q(number_class__price_cents__lte=wish.most_cents)
    return found


def _under(region: Region) -> Sequence[int]:
    """The region and all that lies under it: the tree is five levels deep."""
    found, level = [region.pk], [region.pk]
    while level:
        level = list(Region.objects.filter(parent_id__in=level).values_list("pk", flat=True))
        found += level
    return found


def places() -> QuerySet[Region]:
    """The regions in which there are numbers."""
    return Region.objects.filter(pk__in=Number.objects.order_by().values("region_id").distinct()).order_by(
        "name"
    )


def lock_months(number: Number, *, on: date) -> int:
    """For how many months the number is locked when it is taken back on that day."""
    rules_then = NumberLockRule.objects.filter(active_from__lte=on)
    own = rules_then.filter(number_class_id=number.number_class_id).order_by("-active_from").first()
    found = own or rules_then.filter(number_class=None).order_by("-active_from").first()
    return int(found.months if found else settings.NUMBER_LOCK_MONTHS)


def free_again_at(number: Number, *, taken_back_on: date) -> datetime:
    """The first instant after the lock: midnight where the customers live."""
    day = rules.free_again_on(taken_back_on, lock_months(number, on=taken_back_on))
    return datetime.combine(day, time(), tzinfo=clock.SHANGHAI)


def seconds_left(period: NumberPeriod, *, as_of: datetime) -> int:
    """How long a hold still lasts; 0 when it is over."""
    left = (period.ends_at or as_of) - as_of
    return max(0, int(left / timedelta(seconds=1)))


def may_extend(period: NumberPeriod) -> bool:
    """Whether a hold has not yet reached the longest that a hold may last."""
    longest = period.begins_at + timedelta(minutes=settings.NUMBER_HOLD_MOST_MINUTES)
    return period.ends_at is not None and period.ends_at < longest


def present_of(numbers: Iterable[Number], *, as_of: datetime) -> dict[int, NumberPeriod]:
    """The periods of this instant by number, for a page of numbers: one query."""
    rows = NumberPeriod.objects.filter(number__in=[number.pk for number in numbers], during__contains=as_of)
    return {row.number_id: row for row in rows}
