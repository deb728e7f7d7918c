"""Things with a serial number: put aside for an account, handed over, exchanged, taken back, mended, lost."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount
from core.actor import Actor
from core.errors import Conflict, NotFound
from resources import locks
from resources.models import DEVICE_MACHINE, Device, DeviceHistory, DeviceState
from resources.models.devices import WITH_ACCOUNT


class DeviceTaken(Conflict):
    code = "DEVICE_TAKEN"
    message = _("这台设备已经给了别的户号")


class NotTheSameKind(Conflict):
    code = "DEVICE_NOT_THE_SAME_KIND"
    message = _("只能更换为同一种类的设备")


class NotWithAccount(Conflict):
    code = "DEVICE_NOT_WITH_ACCOUNT"
    message = _("这台设备不在这个户号名下")


def add(*, serial: str, kind: str, region_id: int, actor: Actor, as_of: datetime, sku: str = "") -> Device:
    """A new thing, in stock. The serial must not be known."""
    with transaction.atomic():
        device = Device.objects.create(
            serial=serial, kind=kind, region_id=region_id, sku=sku, created_at=as_of
        )
        _record(device, "", None, actor=actor, as_of=as_of, reason="")
    return device


def reserve(*, serial: str, account_id: int, actor: Actor, as_of: datetime, reason: str = "") -> Device:
    """Put aside for the account; for it already: nothing happens. Raises NotFound, DeviceTaken, IllegalTransition."""
    return _give(serial, DeviceState.RESERVED, account_id, actor=actor, as_of=as_of, reason=reason)


def assign(*, serial: str, account_id: int, actor: Actor, as_of: datetime, reason: str = "") -> Device:
    """The account has and uses it; has it already: nothing happens. Raises NotFound, DeviceTaken, IllegalTransition."""
    return _give(serial, DeviceState.IN_USE, account_id, actor=actor, as_of=as_of, reason=reason)


def swap(
    *,
    serial: str,
    new_serial: str,
    account_id: int,
    actor: Actor,
    as_of: datetime,
    reason: str,
    old_becomes: DeviceState = DeviceState.RETURNED,
) -> Device:
    """The account's thing is exchanged for another of its kind; the old one becomes RETURNED, DAMAGED or LOST.

    Returns the new one. Raises NotFound, NotWithAccount, NotTheSameKind, DeviceTaken, IllegalTransition.
    """
    with transaction.atomic():
        found = locks.devices(serial, new_serial)
        old, new = found[serial], found[new_serial]
        if old.account_id != account_id:
            raise NotWithAccount()
        if old.kind != new.kind:
            raise NotTheSameKind()
        _to(old, old_becomes, None, actor=actor, as_of=as_of, reason=reason)
        _give_locked(new, DeviceState.IN_USE, account_id, actor=actor, as_of=as_of, reason=reason)
    return new


def take_back(*, serial: str, account_id: int, actor: Actor, as_of: datetime, reason: str = "") -> Device:
    """The account gave it back: RETURNED, or IN_STOCK when it was only put aside. Raises NotFound, NotWithAccount."""
    with transaction.atomic():
        device = locks.devices(serial)[serial]
        if device.account_id != account_id:
            raise NotWithAccount()
        state = DeviceState.RETURNED if device.state == DeviceState.IN_USE else DeviceState.IN_STOCK
        _to(device, state, None, actor=actor, as_of=as_of, reason=reason)
    return device


def set_state(*, serial: str, state: DeviceState, actor: Actor, as_of: datetime, reason: str) -> Device:
    """What happens to a thing without a new account: in stock, in repair, damaged, lost, returned.

    Raises NotFound, IllegalTransition.
    """
    with transaction.atomic():
        device = locks.devices(serial)[serial]
        if state in WITH_ACCOUNT:
            raise DeviceTaken()
        _to(device, state, None, actor=actor, as_of=as_of, reason=reason)
    return device


def _give(
    serial: str, state: DeviceState, account_id: int, *, actor: Actor, as_of: datetime, reason: str
) -> Device:
    with transaction.atomic():
        device = locks.devices(serial)[serial]
        _give_locked(device, state, account_id, actor=actor, as_of=as_of, reason=reason)
    return device


def _give_locked(
    device: Device, state: DeviceState, account_id: int, *, actor: Actor, as_of: datetime, reason: str
) -> None:
    if device.account_id is not None and device.account_id != account_id:
        raise DeviceTaken()
    if device.state == state:
        return
    if not BillingAccount.objects.filter(pk=account_id, closed_at=None).exists():
        raise NotFound()
    _to(device, state, account_id, actor=actor, as_of=as_of, reason=reason)


def _to(
    device: Device,
    state: DeviceState,
    account_id: int | None,
    *,
    actor: Actor,
    as_of: datetime,
    reason: str,
) -> None:
    before, had = device.state, device.account_id
    DEVICE_MACHINE.check(before, state)
    device.state, device.account_id = state, account_id
    device.save(update_fields=["state", "account"])
    _record(device, before, account_id or had, actor=actor, as_of=as_of, reason=reason)


def _record(
    device: Device, before: str, account_id: int | None, *, actor: Actor, as_of: datetime, reason: str
) -> None:
    DeviceHistory.objects.create(
        device=device,
        account_id=account_id,
        from_state=before,
        to_state=device.state,
        actor=actor.ref,
        reason=reason,
        at=as_of,
    )
