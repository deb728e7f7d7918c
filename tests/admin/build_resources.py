"""Rows of what is scarce or plugged in."""

from datetime import date, timedelta

from accounts.models import BillingAccount, Region
from core.actor import Actor
from resources import rules
from resources.models import Action, Device, Number, NumberClass, NumberLockRule, NumberSearch, StockItem
from resources.selectors.numbers import Wish
from resources.services import devices, numbers, provisioning, reservations, searches, stock, transfers
from tests.conftest import NOON

ACTOR = Actor("test:resources")


def everything(i: int, region: Region, account: BillingAccount) -> None:
    """One of each there, at least."""
    _number(i, region)
    _stock(i, region)
    _device(i, region, account)
    asked = provisioning.Asked(
        subject_kind="subscription",
        subject_id=str(i),
        action=Action.AUTHORISE,
        payload={},
        key=f"command{i}",
        region_id=region.pk,
    )
    provisioning.request(asked, as_of=NOON)


def _number(i: int, region: Region) -> Number:
    of_class = NumberClass.objects.create(code=f"CLASS{i}", name=f"等级{i}", order=i)
    NumberLockRule.objects.create(
        number_class=of_class, months=6, active_from=date(2026, 1, 1) + timedelta(days=i)
    )
    digits = f"170{i:08d}"  # what is for sale; lists never show the phone of a customer, which here is 138…
    number = Number.objects.create(
        digits=digits, number_class=of_class, region=region, marks=rules.marks(digits)
    )
    numbers.hold(digits=digits, holder=f"user:{i}", actor=ACTOR, as_of=NOON)
    searches.note(Wish(region=region), channel="WEB", is_found=True, as_of=NOON)
    assert NumberSearch.objects.filter(region=region).exists()
    return number


def _stock(i: int, region: Region) -> None:
    """Between two stores of the same region: each transfer is seen at both its ends."""
    store = Region.objects.create(code=f"S{i}", name=f"仓库{i}", level=Region.Level.HALL, parent=region)
    source, target = (
        StockItem.objects.create(sku=f"BOX{i}", name="机顶盒", place=place, low_at=100)
        for place in (region, store)
    )
    stock.receive(item_id=source.pk, quantity=9, key=f"in{i}", actor=ACTOR, as_of=NOON)
    reservations.reserve(
        key=f"r{i}", item_id=source.pk, quantity=2, holder=f"order:{i}", actor=ACTOR, as_of=NOON
    )
    transfers.send(key=f"t{i}", source_id=source.pk, target_id=target.pk, quantity=3, actor=ACTOR, as_of=NOON)


def _device(i: int, region: Region, account: BillingAccount) -> Device:
    device = devices.add(serial=f"SN{i:08d}", kind="BOX", region_id=region.pk, actor=ACTOR, as_of=NOON)
    return devices.assign(serial=device.serial, account_id=account.pk, actor=ACTOR, as_of=NOON)
