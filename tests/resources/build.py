"""State for tests of this room, built with the services."""

import itertools
from datetime import datetime, timedelta

from accounts.models import Region
from core.actor import Actor
from resources import rules
from resources.models import Command, Number, NumberClass, StockItem
from resources.services import numbers, provisioning, stock
from tests.conftest import NOON

ACTOR = Actor("test:resources")
_count = itertools.count(1)


def minutes(count: float, after: datetime = NOON) -> datetime:
    return after + timedelta(minutes=count)


def region(name: str = "城东", parent: Region | None = None) -> Region:
    level = Region.Level.DISTRICT if parent else Region.Level.CITY
    found, _ = Region.objects.get_or_create(
        name=name, defaults={"code": f"R{next(_count):05d}", "level": level, "parent": parent}
    )
    return found


def number_class(code: str = "PLAIN", *, price_cents: int = 0) -> NumberClass:
    found, _ = NumberClass.objects.get_or_create(
        code=code, defaults={"name": code, "price_cents": price_cents}
    )
    return found


def number(
    digits: str = "13812345678", *, of: NumberClass | None = None, place: Region | None = None
) -> Number:
    return Number.objects.create(
        digits=digits,
        number_class=of or number_class(),
        region=place or region(),
        marks=rules.marks(digits),
    )


def hold(digits: str = "13812345678", holder: str = "user:1", as_of: datetime = NOON) -> numbers.Held:
    return numbers.hold(digits=digits, holder=holder, actor=ACTOR, as_of=as_of)


def own(digits: str = "13812345678", owner: str = "subscription:1", as_of: datetime = NOON) -> None:
    numbers.assign(digits=digits, owner=owner, actor=ACTOR, as_of=as_of)


def take_back(digits: str = "13812345678", owner: str = "subscription:1", as_of: datetime = NOON) -> None:
    numbers.take_back(digits=digits, owner=owner, actor=ACTOR, as_of=as_of, cause="欠费拆机")


def item(
    quantity: int = 10, *, sku: str = "BOX-4K", place: Region | None = None, low_at: int | None = None
) -> StockItem:
    found = StockItem.objects.create(sku=sku, name="4K 机顶盒", place=place or region(), low_at=low_at)
    if quantity:
        stock.receive(item_id=found.pk, quantity=quantity, key=f"in{next(_count)}", actor=ACTOR, as_of=NOON)
    return StockItem.objects.get(pk=found.pk)


def levels(of: StockItem) -> tuple[int, int, int]:
    """available, reserved, in transit"""
    row = StockItem.objects.get(pk=of.pk)
    return row.available, row.reserved, row.in_transit


def command(
    key: str = "k1", *, subject: str = "1", action: str = "AUTHORISE", as_of: datetime = NOON
) -> Command:
    return provisioning.request(asked(key, subject=subject, action=action), as_of=as_of, actor=ACTOR)


def asked(key: str = "k1", *, subject: str = "1", action: str = "AUTHORISE") -> provisioning.Asked:
    return provisioning.Asked(
        subject_kind="subscription",
        subject_id=subject,
        action=action,
        payload={"card": "8000000001", "products": ["BASIC"]},
        key=key,
        region_id=region().pk,
    )
