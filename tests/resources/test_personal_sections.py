"""The copy of a customer's data: numbers that he holds and has, devices with him; nobody else's."""

import json

import pytest

from accounts import personal_data
from core.actor import Actor
from resources.services import devices, numbers
from tests.billing import build as billing
from tests.conftest import NOON
from tests.resources import build

pytestmark = pytest.mark.django_db
MINE, THEIRS = "17012345678", "17087654321"


def test_holds_numbers_and_devices_are_in_it_and_strangers_are_not() -> None:
    alice, bob = billing.user("+8613800000001"), billing.user("+8613800000002")
    account, other = billing.account(alice), billing.account(bob)
    for digits in (MINE, THEIRS, "17011112222", "17033334444"):
        build.number(digits)
    build.hold(MINE, f"user:{alice.pk}")
    build.hold(THEIRS, f"user:{bob.pk}")
    for digits, of in (("17011112222", account), ("17033334444", other)):
        numbers.assign(digits=digits, owner=f"account:{of.number}", actor=build.ACTOR, as_of=NOON)
    for serial, of in (("SN-MINE", account), ("SN-THEIRS", other)):
        devices.add(serial=serial, kind="BOX", region_id=build.region().pk, actor=Actor("test"), as_of=NOON)
        devices.assign(serial=serial, account_id=of.pk, actor=Actor("test"), as_of=NOON)
    found = personal_data.everything(alice)
    assert [(row["number__digits"], row["kind"], row["ends_at"] is None) for row in found["numbers"]] == [
        (MINE, "HOLD", False),
        ("17011112222", "OWNER", True),
    ]
    [device] = found["devices"]
    assert (device["serial"], device["state"], device["account__number"]) == (
        "SN-MINE",
        "IN_USE",
        account.number,
    )
    text = json.dumps(found, ensure_ascii=False)
    for strange in (THEIRS, "17033334444", "SN-THEIRS", other.number):
        assert strange not in text


def test_who_only_pays_gets_neither_numbers_nor_devices_of_the_account() -> None:
    owner, payer = billing.user("+8613800000001"), billing.user("+8613800000002")
    account = billing.account(owner)
    account.memberships.create(user=payer, role="PAYER", created_at=NOON)
    build.number(MINE)
    numbers.assign(digits=MINE, owner=f"account:{account.number}", actor=build.ACTOR, as_of=NOON)
    found = personal_data.everything(payer)
    assert (found["numbers"], found["devices"]) == ([], [])
    assert len(personal_data.everything(owner)["numbers"]) == 1


def test_a_number_that_was_taken_back_is_told_with_its_lock() -> None:
    owner = billing.user()
    account = billing.account(owner)
    build.number(MINE)
    ref = f"account:{account.number}"
    numbers.assign(digits=MINE, owner=ref, actor=build.ACTOR, as_of=NOON)
    build.take_back(MINE, ref, build.minutes(5))
    kinds = [row["kind"] for row in personal_data.everything(owner)["numbers"]]
    assert kinds == ["OWNER", "LOCK"]
