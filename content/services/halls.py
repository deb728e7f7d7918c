"""Halls: their rows, their queues, and the checks of how they keep the standard."""

from collections.abc import Mapping
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from content import search, standard
from content.models import Hall, HallCheck
from core import audit
from core.actor import Actor
from core.db import violated
from core.errors import Conflict, HallError


class CheckedAlready(Conflict):
    code = "HALL_CHECKED_ALREADY"
    message = _("您今天已经登记过这个营业厅的检查")


class CheckInFuture(HallError):
    code = "HALL_CHECK_IN_FUTURE"
    message = _("检查日期不能晚于今天")


@transaction.atomic
def write(hall: Hall, *, actor: Actor, as_of: datetime) -> Hall:
    """Saves the hall as given; the search knows it at once."""
    before = Hall.objects.select_for_update().get(pk=hall.pk) if hall.pk else None
    hall.changed_at = as_of
    hall.save()
    if before and before.owner_id != hall.owner_id:
        audit.record(
            actor=actor,
            action="content.hall.owner_changed",
            subject=hall,
            detail={"from": before.owner_id, "to": hall.owner_id},
            as_of=as_of,
        )
    search.put([entry_of(hall)])
    return hall


def count_queue(*, hall_id: int, people: int | None, as_of: datetime) -> None:
    """So many people wait in the hall now; None: it no longer counts them."""
    Hall.objects.filter(pk=hall_id).update(
        waiting_people=people, waiting_at=None if people is None else as_of
    )


@transaction.atomic
def check(
    *,
    hall_id: int,
    checked_on: date,
    today: date,
    kept: Mapping[str, bool],
    note: str,
    actor: Actor,
    as_of: datetime,
) -> HallCheck:
    """Records one walk through the checklist; the score is of 100. Raises CheckedAlready, CheckInFuture."""
    if checked_on > today:
        raise CheckInFuture()
    results = {item.code: bool(kept.get(item.code)) for item in standard.ITEMS}
    try:
        with transaction.atomic():
            return HallCheck.objects.create(
                hall_id=hall_id,
                checked_on=checked_on,
                results=results,
                score=standard.score(results),
                note=note,
                actor=actor.ref,
                at=as_of,
            )
    except IntegrityError as error:
        if violated(error) != "hall_check_once_a_day":
            raise
        raise CheckedAlready() from error


def entry_of(hall: Hall) -> search.Entry:
    names = {"zh-hans": hall.name_zh, "en": hall.name_en}
    addresses = {"zh-hans": hall.address_zh, "en": hall.address_en}
    ways = {"zh-hans": hall.way_zh, "en": hall.way_en}
    return search.Entry(
        kind="hall",
        key=hall.code,
        title=names,
        summary=addresses,
        text=ways,
        url=reverse("content:hall", args=[hall.code]),
        active_from=hall.active_from,
        active_until=hall.active_until,
    )


def every_entry() -> list[search.Entry]:
    """All halls, for `search.rebuild`."""
    return [entry_of(hall) for hall in Hall.objects.all()]
