"""Choosing a number and opening an account with it, step by step: counts of rows, by period. Nobody is followed.

Rooms above add the steps that they see (`step`), in the order of their `place`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from resources.models import NumberChange, NumberSearch, Verb

Count = Callable[[datetime, datetime], int]


@dataclass(frozen=True)
class Step:
    """One step of the funnel with how often it happened."""

    code: str
    title: str | Promise
    count: int


@dataclass(frozen=True)
class _Known:
    code: str
    title: str | Promise
    place: int
    count: Count


_steps: dict[str, _Known] = {}


def step(code: str, *, title: str | Promise, place: int) -> Callable[[Count], Count]:
    """Declares the decorated function `(since, until) -> int` as a step; higher places come later."""

    def register(count: Count) -> Count:
        if code in _steps:
            raise ValueError(f"two steps named {code}")
        _steps[code] = _Known(code, title, place, count)
        return count

    return register


def read(*, since: datetime, until: datetime) -> list[Step]:
    """All steps in order, within `[since, until)`."""
    known = sorted(_steps.values(), key=lambda each: each.place)
    return [Step(each.code, each.title, each.count(since, until)) for each in known]


@step("BROWSE", title=_("查询号码"), place=10)
def _browsed(since: datetime, until: datetime) -> int:
    return NumberSearch.objects.filter(at__gte=since, at__lt=until).count()


@step("HOLD", title=_("预占号码"), place=20)
def _held(since: datetime, until: datetime) -> int:
    return _changes(Verb.HELD, since, until)


@step("ACTIVE", title=_("号码启用"), place=90)
def _assigned(since: datetime, until: datetime) -> int:
    return _changes(Verb.ASSIGNED, since, until)


def _changes(verb: Verb, since: datetime, until: datetime) -> int:
    return NumberChange.objects.filter(verb=verb, at__gte=since, at__lt=until).count()
