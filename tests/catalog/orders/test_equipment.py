"""Devices of what is held: handed over from the order, exchanged, taken back at the end; and the contract page."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Region, User
from catalog.holdings.services import equipment
from catalog.models import Offer, Order, Subscription, SubscriptionState
from catalog.orders import errors
from catalog.orders.services import handing
from core import clock
from core.errors import NotFound
from core.models import AuditRow
from resources.models import Action, Command, Device, DeviceState
from resources.services import devices
from tests.admin.build import staff_with, superuser, viewer
from tests.admin.conftest import log_in
from tests.catalog.orders import build
from tests.catalog.orders.test_claims import boxed, home_with
from tests.conftest import NOON
from tests.resources import build as store

__all__ = ["log_in"]
pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
LogIn = Callable[[User], Client]
HOW: Any = {"actor": build.ACTOR, "as_of": NOON, "reason": "客户到厅领取"}


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    cache.clear()
    with clock.stopped(NOON):
        yield


def box(serial: str, place: Region | None = None, *, sku: str = "BOX-4K", kind: str = "BOX") -> Device:
    region = place or store.region("城")
    return devices.add(serial=serial, kind=kind, sku=sku, region_id=region.pk, actor=build.ACTOR, as_of=NOON)


def with_box(offer: Offer | None = None) -> tuple[User, BillingAccount, Order]:
    user, account, _item = home_with(5)
    return user, account, build.ordered(user, account, offer or boxed())


def handed(order: Order, serial: str = "SN1") -> Subscription:
    line = handing.hand_over(number=order.number, position=1, serial=serial, **HOW)
    assert line.subscription is not None
    return Subscription.objects.get(pk=line.subscription.pk)


def state(serial: str) -> tuple[str, int | None]:
    row = Device.objects.get(serial=serial)
    return row.state, row.account_id


def test_staff_hand_it_over_on_the_orders_page(log_in: LogIn) -> None:
    _user, account, order = with_box()
    box("SN1")
    client = log_in(superuser())
    assert "交付设备" in client.get(f"/admin/catalog/order/{order.pk}/change/").content.decode()
    address = f"{reverse('admin:catalog_order_act', args=['hand-over'])}?ids={order.pk}"
    assert 'value="1"' in client.get(address).content.decode()
    client.post(address, {"reason": "客户到厅领取", "position": "1", "serial": "SN1"})
    held = Subscription.objects.get()
    assert held.device is not None
    assert (held.device.serial, state("SN1")) == ("SN1", (DeviceState.IN_USE, account.pk))
    audit = AuditRow.objects.get(action="catalog.order.hand-over")
    assert (audit.object_id, audit.reason) == (str(order.pk), "客户到厅领取")
    assert "交付设备" not in client.get(f"/admin/catalog/order/{order.pk}/change/").content.decode()


def test_staff_without_the_right_or_of_another_region_hand_over_nothing(log_in: LogIn) -> None:
    _user, _account, order = with_box()
    box("SN1")
    address = f"{reverse('admin:catalog_order_act', args=['hand-over'])}?ids={order.pk}"
    elsewhere = store.region("别处")
    others = staff_with("catalog.view_order", "resources.change_device", username="far", region=elsewhere)
    for who in (viewer(), others):
        answer = log_in(who).post(address, {"reason": "客户到厅领取", "position": "1", "serial": "SN1"})
        assert answer.status_code in (302, 403, 404)
        assert state("SN1") == (DeviceState.IN_STOCK, None)
        assert Subscription.objects.get().device is None


@pytest.mark.parametrize(
    ("serial", "refused"),
    [
        ("NONE", NotFound),
        ("FAR", NotFound),
        ("OTHER", equipment.NotOfOffer),
        ("TAKEN", devices.DeviceTaken),
    ],
)
def test_a_device_that_is_not_his_to_have_changes_nothing(serial: str, refused: type[Exception]) -> None:
    _user, _account, order = with_box()
    stranger = build.home()[1]
    box("FAR", store.region("别处"))
    box("OTHER", sku="BOX-8K")
    box("TAKEN")
    devices.assign(serial="TAKEN", account_id=stranger.pk, actor=build.ACTOR, as_of=NOON)
    before = list(Device.objects.order_by("pk").values_list("serial", "state", "account_id"))
    with pytest.raises(refused):
        handed(order, serial)
    assert Subscription.objects.get().device is None
    assert list(Device.objects.order_by("pk").values_list("serial", "state", "account_id")) == before


def test_there_is_one_device_and_one_line_for_it() -> None:
    _user, _account, order = with_box()
    box("SN1")
    box("SN2")
    held = handed(order)
    assert handed(order).device_id == held.device_id  # again: nothing happens
    with pytest.raises(equipment.HasDevice):
        handed(order, "SN2")
    with pytest.raises(errors.NothingToHandOver):
        handing.hand_over(number=order.number, position=2, serial="SN2", **HOW)
    assert state("SN2") == (DeviceState.IN_STOCK, None)


def test_an_offer_without_a_thing_has_nothing_to_hand_over() -> None:
    user, account = build.home()
    order = build.ordered(user, account, build.offer("hd"))
    assert not handing.lines(order).exists()
    with pytest.raises(errors.NothingToHandOver):
        handed(order)


def test_what_was_put_aside_for_him_the_order_assigns_itself() -> None:
    user, account, _item = home_with(1)
    box("SN1")
    devices.reserve(serial="SN1", account_id=account.pk, actor=build.ACTOR, as_of=NOON)
    order = build.ordered(user, account, boxed())
    held = Subscription.objects.get()
    assert held.device is not None
    assert (held.device.serial, state("SN1")) == ("SN1", (DeviceState.IN_USE, account.pk))
    assert not handing.lines(order).exists()


def test_what_is_on_already_is_authorised_at_the_new_device_and_no_more_at_the_old() -> None:
    _user, _account, order = with_box(boxed(entitlements=("HD",)))
    build.switch()
    box("SN1")
    box("SN2")
    held = handed(order)
    moved = equipment.swap(
        number=held.number,
        serial="SN2",
        old_becomes=DeviceState.DAMAGED,
        actor=build.ACTOR,
        as_of=NOON + HOUR,
        reason="花屏",
    )
    assert moved == 1
    asked = Command.objects.filter(subject_id=held.number).order_by("pk")
    assert [(row.action, row.payload["device"]) for row in asked] == [
        (Action.AUTHORISE, ""),
        (Action.AUTHORISE, "SN1"),
        (Action.DEAUTHORISE, "SN1"),
        (Action.AUTHORISE, "SN2"),
    ]
    assert (state("SN1"), state("SN2")[0]) == ((DeviceState.DAMAGED, None), DeviceState.IN_USE)
    held.refresh_from_db()
    assert held.device is not None
    assert held.device.serial == "SN2"


def test_all_that_is_held_at_a_device_moves_with_it() -> None:
    user, account, order = with_box()
    box("SN1")
    box("SN2")
    held = handed(order)
    build.ordered(user, account, build.offer("hd"))
    Subscription.objects.exclude(pk=held.pk).update(device=held.device)
    count = equipment.swap(number=held.number, serial="SN2", old_becomes=DeviceState.RETURNED, **HOW)
    assert count == 2
    assert set(Subscription.objects.values_list("device__serial", flat=True)) == {"SN2"}


def test_another_kind_is_no_exchange() -> None:
    _user, _account, order = with_box()
    box("SN1")
    box("CARD", kind="CARD")
    held = handed(order)
    with pytest.raises(devices.NotTheSameKind):
        equipment.swap(number=held.number, serial="CARD", old_becomes=DeviceState.LOST, **HOW)
    assert (state("SN1")[0], state("CARD")[0]) == (DeviceState.IN_USE, DeviceState.IN_STOCK)


def test_at_the_end_it_is_due_and_taken_back_once(log_in: LogIn) -> None:
    user, account, order = with_box(boxed(cancel_effect="AT_ONCE"))
    box("SN1")
    held = handed(order)
    client = log_in(superuser())
    due = "/admin/catalog/subscription/?device=due"
    assert held.number not in client.get(due).content.decode()
    with pytest.raises(equipment.StillUsed):
        equipment.take_back(number=held.number, **HOW)
    build.cancelled(user, held)
    assert held.number in client.get(due).content.decode()
    address = f"{reverse('admin:catalog_subscription_act', args=['take-device-back'])}?ids={held.pk}"
    client.post(address, {"reason": "客户交回"})
    assert state("SN1") == (DeviceState.RETURNED, None)
    held.refresh_from_db()
    assert (held.state, held.device_id is not None) == (SubscriptionState.TERMINATED, True)
    client.get(due)  # tells the outcome, with its number
    assert held.number not in client.get(due).content.decode()
    with pytest.raises(devices.NotWithAccount):
        equipment.take_back(number=held.number, **HOW)
    assert account.devices.count() == 0


def test_staff_exchange_it_on_the_page_of_what_is_held(log_in: LogIn) -> None:
    _user, _account, order = with_box()
    box("SN1")
    box("SN2")
    held = handed(order)
    address = f"{reverse('admin:catalog_subscription_act', args=['swap-device'])}?ids={held.pk}"
    log_in(superuser()).post(address, {"reason": "花屏", "serial": "SN2", "old_becomes": "DAMAGED"})
    assert (state("SN1")[0], state("SN2")[0]) == (DeviceState.DAMAGED, DeviceState.IN_USE)
    assert AuditRow.objects.get(action="catalog.subscription.swap-device").reason == "花屏"


def test_what_is_over_gets_no_device() -> None:
    user, _account, order = with_box(boxed(cancel_effect="AT_ONCE"))
    box("SN1")
    build.cancelled(user, Subscription.objects.get())
    with pytest.raises(equipment.NotInUse):
        handed(order)
    assert state("SN1") == (DeviceState.IN_STOCK, None)


def test_penalty_and_end_of_a_contract_are_read_before_agreeing(client: Client) -> None:
    user, account, _item = home_with(1)
    contract: dict[str, Any] = {"term_months": 24, "penalty_kind": "PER_MONTH", "penalty_cents": 600}
    boxed("box-24", **contract)
    client.force_login(user)
    page = client.post("/orders/new/", {"account": account.number, "offers": ["box-24"]}).content.decode()
    assert not Order.objects.exists()
    assert "合约到期日" in page
    assert "2028年11月18日" in page
    assert "提前终止每剩余一个月收取 ¥6.00 违约金" in page
    assert "获取验证码" in page
