"""What a pause does to what is held, and who can be reached while it lasts. No database, no clock."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date

from catalog.pricing.types import Holding, Stop

CUSTOMER = "CUSTOMER"  # the reason of a stop that the customer asked for
LEAST_CONTACTS = 2
_MOBILE_DIGITS = 11

Held = tuple[Holding, ...]


def days(begins_on: date, resume_on: date) -> int:
    """How many days it is off."""
    return (resume_on - begins_on).days


def is_reachable(verified: Collection[str], off: Collection[str]) -> bool:
    """There are two proven contacts at least, and one of them is no line that is off itself."""
    return len(set(verified)) >= LEAST_CONTACTS and bool(set(verified) - set(off))


def as_phone(service_number: str) -> str:
    """A line's number as contacts are written."""
    return f"+86{service_number[-_MOBILE_DIGITS:]}"


def spellings(phone: str) -> tuple[str, ...]:
    """How a contact's number may stand on a line: with the country's code, and without."""
    return phone, phone.removeprefix("+"), phone.removeprefix("+86")


def paused(held: Held, ref: str, begins_on: date, resume_on: date) -> Held:
    """As it is with a pause of these days."""
    stop = Stop(CUSTOMER, begins_on, resume_on)
    return tuple(replace(each, stops=(*each.stops, stop)) if each.ref == ref else each for each in held)


def ended(held: Held, ref: str, resume_on: date) -> Held:
    """As it is when the pause that runs ends on that day and not on the one that was agreed."""
    return tuple(replace(each, stops=_ended(each, resume_on)) if each.ref == ref else each for each in held)


def _ended(each: Holding, resume_on: date) -> tuple[Stop, ...]:
    """A pause that ends on the day on which it began never was."""
    closed = [
        replace(stop, ends_on=resume_on) if stop.reason == CUSTOMER and _runs(stop, resume_on) else stop
        for stop in each.stops
    ]
    return tuple(stop for stop in closed if stop.ends_on is None or stop.ends_on > stop.begins_on)


def _runs(stop: Stop, on: date) -> bool:
    """Nothing that was over before ends again."""
    return stop.ends_on is None or stop.ends_on >= on
