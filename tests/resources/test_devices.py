"""Cards, boxes and modems: with one account at a time, and every change on record."""

import itertools

import pytest
from django.db import IntegrityError, transaction

from core.errors import NotFound
from core.statemachine import IllegalTransition
from resources.models import DEVICE_MACHINE, Device, DeviceHistory, DeviceState
from resources.services import devices
from tests.billing import build as billing
from tests.conftest import NOON
from tests.resources import build
from tests.resources.build import ACTOR, minutes

pytestmark = pytest.mark.django_db
_serials = itertools.count(1)


def device(kind: str = "BOX") -> Device:
    return devices.add(
        serial=f"SN{next(_serials):06d}", kind=kind, region_id=build.region().pk, actor=ACTOR, as_of=NOON
    )


def assign(of: Device, account_id: int) -> Device:
    return devices.assign(serial=of.serial, account_id=account_id, actor=ACTOR, as_of=minutes(1))


def now(of: Device) -> tuple[str, int | None]:
    row = Device.objects.get(pk=of.pk)
    return row.state, row.account_id


def test_from_the_store_to_a_customer_and_back() -> None:
    box, account = device(), billing.account()
    devices.reserve(serial=box.serial, account_id=account.pk, actor=ACTOR, as_of=NOON)
    assert now(box) == (DeviceState.RESERVED, account.pk)
    assign(box, account.pk)
    assign(box, account.pk)  # a second time changes nothing
    assert now(box) == (DeviceState.IN_USE, account.pk)
    devices.take_back(serial=box.serial, account_id=account.pk, actor=ACTOR, as_of=minutes(2), reason="拆机")
    assert now(box) == (DeviceState.RETURNED, None)
    devices.set_state(
        serial=box.serial, state=DeviceState.IN_STOCK, actor=ACTOR, as_of=minutes(3), reason="已检"
    )
    rows = DeviceHistory.objects.order_by("pk").values_list("from_state", "to_state", "account_id")
    assert list(rows) == [
        ("", "IN_STOCK", None),
        ("IN_STOCK", "RESERVED", account.pk),
        ("RESERVED", "IN_USE", account.pk),
        ("IN_USE", "RETURNED", account.pk),
        ("RETURNED", "IN_STOCK", None),
    ]


def test_one_device_is_with_one_account() -> None:
    box, mine, theirs = device(), billing.account(), billing.account()
    devices.reserve(serial=box.serial, account_id=mine.pk, actor=ACTOR, as_of=NOON)
    with pytest.raises(devices.DeviceTaken):
        assign(box, theirs.pk)
    with pytest.raises(devices.NotWithAccount):
        devices.take_back(serial=box.serial, account_id=theirs.pk, actor=ACTOR, as_of=minutes(1))
    assert now(box) == (DeviceState.RESERVED, mine.pk)
    devices.take_back(serial=box.serial, account_id=mine.pk, actor=ACTOR, as_of=minutes(1))
    assert now(box) == (DeviceState.IN_STOCK, None)


def test_a_swap_is_both_or_nothing() -> None:
    old, new, card = device(), device(), device("CARD")
    account, other = billing.account(), billing.account()
    assign(old, account.pk)

    def swap(to: Device, account_id: int = account.pk) -> Device:
        return devices.swap(
            serial=old.serial,
            new_serial=to.serial,
            account_id=account_id,
            actor=ACTOR,
            as_of=minutes(2),
            reason="不开机",
            old_becomes=DeviceState.DAMAGED,
        )

    with pytest.raises(devices.NotTheSameKind):
        swap(card)
    with pytest.raises(devices.NotWithAccount):
        swap(new, other.pk)
    taken = device()
    assign(taken, other.pk)
    with pytest.raises(devices.DeviceTaken):
        swap(taken)
    assert now(old) == (DeviceState.IN_USE, account.pk)
    swap(new)
    assert (now(old), now(new)) == ((DeviceState.DAMAGED, None), (DeviceState.IN_USE, account.pk))


def test_nothing_goes_to_an_account_that_is_closed_or_not_there() -> None:
    box, account = device(), billing.account()
    account.closed_at = NOON
    account.save(update_fields=["closed_at"])
    for account_id in (account.pk, 0):
        with pytest.raises(NotFound):
            assign(box, account_id)
    with pytest.raises(NotFound):
        devices.assign(serial="nowhere", account_id=account.pk, actor=ACTOR, as_of=NOON)
    assert now(box) == (DeviceState.IN_STOCK, None)


def test_no_state_with_an_account_without_one() -> None:
    box = device()
    with pytest.raises(devices.DeviceTaken):
        devices.set_state(serial=box.serial, state=DeviceState.IN_USE, actor=ACTOR, as_of=NOON, reason="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        Device.objects.filter(pk=box.pk).update(state=DeviceState.IN_USE)


def test_only_the_steps_of_the_table_are_taken() -> None:
    """Among the states without an account, every pair."""
    alone = [state for state in DeviceState if state not in (DeviceState.IN_USE, DeviceState.RESERVED)]
    ways = {
        DeviceState.IN_STOCK: [],
        DeviceState.REPAIR: [DeviceState.REPAIR],
        DeviceState.DAMAGED: [DeviceState.DAMAGED],
        DeviceState.LOST: [DeviceState.LOST],
        DeviceState.RETURNED: [DeviceState.LOST, DeviceState.RETURNED],
    }
    for start, target in itertools.product(alone, alone):
        box = device()
        for state in (*ways[start], target):
            try:
                devices.set_state(serial=box.serial, state=state, actor=ACTOR, as_of=NOON, reason="x")
            except IllegalTransition:
                assert not DEVICE_MACHINE.allows(start, target)
        assert (now(box)[0] == target) == (DEVICE_MACHINE.allows(start, target) or start == target)
