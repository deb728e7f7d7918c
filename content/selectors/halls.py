"""Halls as everybody reads them, with whether they are open now."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import quote

from django.conf import settings
from django.utils.functional import Promise

from accounts.models import Region
from content import rules
from content.models import Hall, HallException, HallHours, HallService
from content.models.halls import HallQuerySet
from content.rules import Opening, Point, Span, Week
from core import clock, workdays


@dataclass(frozen=True, slots=True)
class Shown:
    """A hall and its opening at that instant."""

    hall: Hall
    week: Week
    opening: Opening
    waiting: int | None  # people, None when nobody counted lately
    metres: int | None = (
        None  # from where the reader is; None when he did not say, or the hall was not surveyed
    )

    @property
    def services(self) -> list[str | Promise]:
        return [HallService(code).label for code in self.hall.services if code in HallService.values]

    @property
    def map_url(self) -> str:
        """A map site's page of the place; "" where the hall was not surveyed."""
        if self.hall.latitude_e6 is None or self.hall.longitude_e6 is None:
            return ""
        return settings.HALL_MAP_URL.format(
            latitude=f"{self.hall.latitude_e6 / 1e6:.6f}",
            longitude=f"{self.hall.longitude_e6 / 1e6:.6f}",
            name=quote(self.hall.name),
        )


def listed(*, as_of: datetime, within: Region | None = None) -> HallQuerySet:
    """By city and name; `within` a region and everything beneath it."""
    found = Hall.objects.shown(as_of).select_related("region__parent__parent")
    if within is not None:
        found = found.filter(region_id__in=beneath(within))
    return found.order_by("region__code", "code")


def beneath(region: Region) -> list[int]:
    """The region and all below it."""
    found, level = {region.pk}, {region.pk}
    while level:
        level = set(Region.objects.filter(parent_id__in=level).values_list("pk", flat=True)) - found
        found |= level
    return sorted(found)


def one(code: str, *, as_of: datetime) -> Shown | None:
    hall = listed(as_of=as_of).filter(code=code).first()
    return shown([hall], as_of=as_of)[0] if hall else None


def shown(halls: Iterable[Hall], *, as_of: datetime) -> list[Shown]:
    """Three queries, however many halls."""
    halls = list(halls)
    if not halls:
        return []
    now = as_of.astimezone(clock.SHANGHAI)
    working = workdays.working_days(now.date(), now.date() + timedelta(days=rules.DAYS_AHEAD))
    weeks = _weeks(halls, now.date())
    return [
        Shown(
            hall,
            weeks[hall.pk],
            rules.opening(weeks[hall.pk], now, working),
            hall.waiting_people if rules.queue_is_fresh(hall.waiting_at, as_of) else None,
        )
        for hall in halls
    ]


def nearest(halls: Iterable[Shown], to: Point) -> list[Shown]:
    """The nearest first, each with its distance; those that were not surveyed last, in the order they had."""
    told = [replace(each, metres=_metres(each.hall, to)) for each in halls]
    return sorted(told, key=lambda each: (each.metres is None, each.metres or 0))


def _metres(hall: Hall, to: Point) -> int | None:
    if hall.latitude_e6 is None or hall.longitude_e6 is None:
        return None
    return rules.metres_between(Point(hall.latitude_e6, hall.longitude_e6), to)


def _weeks(halls: list[Hall], today: date) -> dict[int, Week]:
    keys = [hall.pk for hall in halls]
    usual: dict[int, dict[int, list[Span]]] = {pk: {} for pk in keys}
    for row in HallHours.objects.filter(hall_id__in=keys).order_by("opens"):
        usual[row.hall_id].setdefault(row.day, []).append(Span(row.opens, row.closes))
    exceptions: dict[int, dict[date, list[Span]]] = {pk: {} for pk in keys}
    ahead = today + timedelta(days=rules.DAYS_AHEAD)
    for each in HallException.objects.filter(hall_id__in=keys, on__range=(today, ahead)):
        spans = [Span(each.opens, each.closes)] if each.opens and each.closes else []
        exceptions[each.hall_id][each.on] = spans
    return {pk: Week(usual[pk], exceptions[pk]) for pk in keys}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a hall's table of hours."""

    day: str | Promise
    spans: list[Span]
    is_today: bool


def table(shown_hall: Shown, *, as_of: datetime) -> list[Line]:
    """Monday to Sunday and public holidays; the line that counts today is marked."""
    today = as_of.astimezone(clock.SHANGHAI).date()
    working = workdays.is_working_day(today)
    weekday = rules.HOLIDAY if today.weekday() < rules.SATURDAY and not working else today.weekday()
    is_usual = today not in shown_hall.week.exceptions
    return [
        Line(day.label, list(shown_hall.week.usual.get(day.value, ())), is_usual and day.value == weekday)
        for day in HallHours.Day
    ]


def exceptions(hall: Hall, *, as_of: datetime) -> list[HallException]:
    """The days to come that differ, for a month."""
    today = clock.local_date(as_of)
    return list(hall.exceptions.filter(on__range=(today, today + timedelta(days=31))).order_by("on"))


def places(*, as_of: datetime) -> list[Region]:
    """The cities in which there are halls: a hall's nearest region of level CITY, else its own."""
    return _by_code(upto(hall.region, Region.Level.CITY) or hall.region for hall in listed(as_of=as_of))


def districts(city: Region, *, as_of: datetime) -> list[Region]:
    """The districts of a city in which there are halls."""
    found = (upto(hall.region, Region.Level.DISTRICT) for hall in listed(as_of=as_of, within=city))
    return _by_code(region for region in found if region is not None)


def upto(region: Region, level: str) -> Region | None:
    """The region itself or the one above it that is of that level; None: none is."""
    step: Region | None = region
    while step is not None and step.level != level:
        step = step.parent
    return step


def _by_code(regions: Iterable[Region]) -> list[Region]:
    return sorted(set(regions), key=lambda region: region.code)
