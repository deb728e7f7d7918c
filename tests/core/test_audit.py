from datetime import date, datetime

import pytest
from django.db import IntegrityError, transaction

from core import audit
from core.actor import Actor
from core.db import violated
from core.models import AuditRow, CalendarDay

pytestmark = pytest.mark.django_db


def test_a_row_says_who_did_what_to_what_and_why(actor: Actor, as_of: datetime) -> None:
    day = CalendarDay.objects.create(day=date(2026, 11, 21), is_working=True)
    row = audit.record(
        actor=actor,
        action="calendar.changed",
        subject=day,
        reason="补班",
        detail={"is_working": True},
        address="10.0.0.7",
        as_of=as_of,
    )
    row.refresh_from_db()
    assert (row.at, row.actor, row.action) == (as_of, "test:engineer", "calendar.changed")
    assert (row.object_type, row.object_id) == ("core.CalendarDay", "2026-11-21")
    assert (row.reason, row.detail, row.address) == ("补班", {"is_working": True}, "10.0.0.7")


def test_a_subject_may_be_named_without_being_loaded(actor: Actor, as_of: datetime) -> None:
    row = audit.record(actor=actor, action="import", subject=("file", "bills.csv"), as_of=as_of)
    assert (row.object_type, row.object_id, row.address) == ("file", "bills.csv", None)


def test_a_subject_that_was_never_saved_is_refused(actor: Actor, as_of: datetime) -> None:
    with pytest.raises(ValueError, match="saved"):
        audit.record(actor=actor, action="x", subject=AuditRow(), as_of=as_of)
    assert not AuditRow.objects.exists()


def test_a_row_is_never_changed_or_deleted(actor: Actor, as_of: datetime) -> None:
    row = audit.record(actor=actor, action="x", subject=("y", "1"), as_of=as_of)
    for attempt in (
        AuditRow.objects.filter(pk=row.pk).delete,
        lambda: AuditRow.objects.update(reason="other"),
    ):
        with pytest.raises(IntegrityError) as refused, transaction.atomic():
            attempt()
        assert violated(refused.value) == "audit_append_only"
    assert AuditRow.objects.get().reason == ""


def test_the_row_falls_with_its_transaction(actor: Actor, as_of: datetime) -> None:
    with transaction.atomic():
        audit.record(actor=actor, action="x", subject=("y", "1"), as_of=as_of)
        transaction.set_rollback(True)
    assert not AuditRow.objects.exists()
