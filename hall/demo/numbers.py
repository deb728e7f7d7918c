"""The demo's numbers for choosing: plain and nice ones of both districts, the same on every machine."""

import random

from accounts.models import Region
from hall.demo import plan
from resources import rules
from resources.models import Number, NumberClass
from resources.services import bulk_numbers

HOW_MANY = 120
# code, name, price, patterns of which one makes a number so: the first that fits
CLASSES = (
    ("TOP", "靓号", 100_000, {"AAAA", "ABCD"}),
    ("NICE", "吉祥号", 20_000, {"AAA", "AABB", "ABAB", "ABC"}),
    ("PLAIN", "普通号", 0, set[str]()),
)
_NICE = ("8888", "6666", "1234", "888", "999", "1188", "6699", "1818", "567")


def everything() -> int:
    """All of them are there; what is there stays as it is. How many are new."""
    classes = {
        code: _class(place, code, name, cents) for place, (code, name, cents, _marks) in enumerate(CLASSES)
    }
    regions = [Region.objects.get(code=code) for code in plan.DISTRICTS]
    known = set(Number.objects.values_list("digits", flat=True))
    new = [
        bulk_numbers.number(digits, classes[_class_of(digits)].pk, regions[place % len(regions)].pk)
        for place, digits in enumerate(_digits())
        if digits not in known
    ]
    bulk_numbers.add(new)
    return len(new)


def _digits() -> list[str]:
    chance = random.Random(plan.SEED)
    heads = {f"170{chance.randint(0, 99_999_999):08d}" for _place in range(HOW_MANY)}
    nice = {f"1702023{chance.randint(1000, 9999)}"[: 11 - len(tail)] + tail for tail in _NICE}
    return sorted(heads | nice)


def _class_of(digits: str) -> str:
    marks = set(rules.patterns(digits))
    return next(code for code, _name, _cents, wanted in CLASSES if wanted & marks or not wanted)


def _class(place: int, code: str, name: str, cents: int) -> NumberClass:
    given = {"name": name, "price_cents": cents, "order": 10 * (len(CLASSES) - place)}
    return NumberClass.objects.get_or_create(code=code, defaults=given)[0]
