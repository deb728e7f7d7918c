"""Every FOR UPDATE of this room. Order everywhere: what lies below first (account …), then number, stock item, device.

Stock items are locked in the order of their ids; a reservation or transfer after the items that it is about.
"""

from collections.abc import Iterable

from django.db import connection

from core.errors import NotFound
from resources.models import Command, CommandState, Device, Number, Reservation, StockItem, Transfer


def number(digits: str) -> Number:
    """The number, locked until the transaction ends: the root lock of its periods. Raises NotFound."""
    found = Number.objects.select_for_update(of=("self",)).select_related("number_class")
    try:
        return found.get(digits=digits)
    except Number.DoesNotExist:
        raise NotFound() from None


def holder(ref: str) -> None:
    """Whoever holds numbers under this name does so one after the other; taken before the number."""
    _advisory(f"number holder:{ref}")


def paying_bill(number: str) -> None:
    """One bill pays for one number; taken after the number."""
    _advisory(f"number bill:{number}")


def items(ids: Iterable[int]) -> dict[int, StockItem]:
    """The stock items by id, all locked in one order."""
    rows = StockItem.objects.select_for_update().filter(pk__in=list(ids)).order_by("pk")
    return {row.pk: row for row in rows}


def item(item_id: int) -> StockItem:
    """Raises NotFound."""
    try:
        return StockItem.objects.select_for_update().get(pk=item_id)
    except StockItem.DoesNotExist:
        raise NotFound() from None


def reservation(key: str) -> tuple[StockItem, Reservation]:
    """The reservation with its item, locked in order; raises NotFound."""
    item_id = Reservation.objects.filter(key=key).values_list("item_id", flat=True).first()
    if item_id is None:
        raise NotFound()
    return item(item_id), Reservation.objects.select_for_update().get(key=key)


def transfer(key: str) -> tuple[dict[int, StockItem], Transfer]:
    """The transfer with both its items, locked in order; raises NotFound."""
    ids = Transfer.objects.filter(key=key).values_list("source_id", "target_id").first()
    if ids is None:
        raise NotFound()
    return items(ids), Transfer.objects.select_for_update().get(key=key)


def devices(*serials: str) -> dict[str, Device]:
    """Those devices, locked in the order of their ids; raises NotFound when one of them is not there."""
    rows = Device.objects.select_for_update().filter(serial__in=serials).order_by("pk")
    found = {row.serial: row for row in rows}
    if set(serials) - set(found):
        raise NotFound()
    return found


def subject(kind: str, subject_id: str) -> None:
    """Commands of one subject are written and ended one after the other."""
    _advisory(f"command:{kind}:{subject_id}")


def subjects(kind: str, subject_ids: Iterable[str]) -> None:
    """Those of several subjects, in one order."""
    names = [f"command:{kind}:{subject_id}" for subject_id in sorted(set(subject_ids))]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s) name", [names]
        )


def command(command_id: int) -> Command:
    """The command, locked; its subject is locked by the caller before. Raises NotFound."""
    try:
        return Command.objects.select_for_update().get(pk=command_id)
    except Command.DoesNotExist:
        raise NotFound() from None


def failed_of_subject(kind: str, subject_id: str) -> Command | None:
    """The command of that subject that waits for a person, locked; its subject is locked by the caller before."""
    rows = Command.objects.select_for_update().filter(subject_kind=kind, subject_id=subject_id)
    return rows.filter(state=CommandState.FAILED).first()


def next_of_subject(kind: str, subject_id: str) -> Command | None:
    """The oldest command that waits behind others of its subject, locked."""
    rows = Command.objects.select_for_update().filter(subject_kind=kind, subject_id=subject_id)
    return rows.filter(state=CommandState.BEHIND).order_by("pk").first()


def _advisory(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
