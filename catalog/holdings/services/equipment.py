"""The device of what is held: handed over, exchanged, and taken back when it is over.

A device is handed to the account; all that the account holds at it names it. Whenever another device is there,
everything is authorised at it anew.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount, Region
from catalog.holdings import locks
from catalog.holdings.models import Subscription, SubscriptionState
from catalog.holdings.services import steps, switching
from catalog.offers.models import ProductSpecification
from core.actor import Actor
from core.errors import Conflict, NotFound
from resources.models import Device, DeviceState
from resources.services import devices

_S = SubscriptionState


class NotInUse(Conflict):
    code = "EQUIPMENT_NOT_IN_USE"
    message = _("这项业务已经结束，不能再交付或更换设备")


class HasDevice(Conflict):
    code = "EQUIPMENT_HAS_DEVICE"
    message = _("这项业务已经有设备，请办理更换")


class NoDevice(Conflict):
    code = "EQUIPMENT_NO_DEVICE"
    message = _("这项业务没有登记设备")


class NotOfOffer(Conflict):
    code = "EQUIPMENT_NOT_OF_OFFER"
    message = _("这台设备的货号不是“%(offer)s”的，请核对序列号")


class StillUsed(Conflict):
    code = "EQUIPMENT_STILL_USED"
    message = _("业务 %(number)s 还在使用这台设备，不能收回")


@transaction.atomic
def hand_over(*, number: str, serial: str, actor: Actor, as_of: datetime, reason: str) -> Subscription:
    """The customer has the device, and what he holds works with it. Has it already: nothing happens.

    Raises NotFound (also for a device of another place), NotInUse, HasDevice, NotOfOffer, DeviceTaken,
    IllegalTransition.
    """
    row = locks.subscription(number)
    _refuse_over(row)
    device = _of_place(serial, row.account)
    if row.device_id == device.pk:
        return row
    if row.device_id is not None:
        raise HasDevice()
    things = ProductSpecification.objects.filter(offers=row.offer_id).exclude(stock_item="")
    skus = set(things.values_list("stock_item", flat=True))
    if skus and device.sku not in skus:
        raise NotOfOffer(offer=str(row.offer))
    devices.assign(serial=serial, account_id=row.account_id, actor=actor, as_of=as_of, reason=reason)
    _name(row, device, "", actor=actor, as_of=as_of, reason=reason)
    return row


@transaction.atomic
def swap(
    *, number: str, serial: str, old_becomes: DeviceState, actor: Actor, as_of: datetime, reason: str
) -> int:
    """Another device of the kind in the place of the one he has, for all that he holds at it. How many holdings.

    Raises NotFound, NotInUse, NoDevice, NotTheSameKind, DeviceTaken, IllegalTransition.
    """
    row = locks.subscription(number)
    _refuse_over(row)
    if row.device is None:
        raise NoDevice()
    old = row.device
    device = _of_place(serial, row.account)
    devices.swap(
        serial=old.serial,
        new_serial=serial,
        account_id=row.account_id,
        old_becomes=old_becomes,
        actor=actor,
        as_of=as_of,
        reason=reason,
    )
    at_it = Subscription.objects.filter(account_id=row.account_id, device=old).held()
    rows = locks.subscriptions(list(at_it.values_list("number", flat=True)))
    for each in rows.values():
        _name(each, device, old.serial, actor=actor, as_of=as_of, reason=reason)
    return len(rows)


@transaction.atomic
def take_back(*, number: str, actor: Actor, as_of: datetime, reason: str) -> Device:
    """What is over, and its device came back: RETURNED. The subscription goes on naming what it had.

    Raises NotFound, NoDevice, StillUsed, NotWithAccount (it came back before, or is somebody else's by now).
    """
    row = locks.subscription(number)
    if row.device is None:
        raise NoDevice()
    user = Subscription.objects.filter(account_id=row.account_id, device=row.device).held().first()
    if user is not None:
        raise StillUsed(number=user.number)
    return devices.take_back(
        serial=row.device.serial, account_id=row.account_id, actor=actor, as_of=as_of, reason=reason
    )


def _refuse_over(row: Subscription) -> None:
    if row.state not in (_S.PENDING, _S.ACTIVE):
        raise NotInUse()


def _of_place(serial: str, account: BillingAccount) -> Device:
    """The device, of the account's own place or of one above or below it; raises NotFound."""
    device = Device.objects.filter(serial=serial).first()
    parents = dict(Region.objects.values_list("pk", "parent_id"))
    home = account.region_id or account.customer.region_id
    if device is None or not (
        home in _up(device.region_id, parents) or device.region_id in _up(home, parents)
    ):
        raise NotFound()
    return device


def _up(region_id: int | None, parents: Mapping[int, int | None]) -> list[int]:
    found: list[int] = []
    while region_id is not None and region_id not in found:
        found.append(region_id)
        region_id = parents.get(region_id)
    return found


def _name(
    row: Subscription, device: Device, before: str, *, actor: Actor, as_of: datetime, reason: str
) -> None:
    row.device = device
    row.save(update_fields=["device"])
    steps.record(row, row.state, actor=actor, as_of=as_of, reason=reason)
    switching.moved(row, before, actor=actor, as_of=as_of)
