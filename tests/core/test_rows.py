"""Objects made of plain SQL are those that the ORM makes."""

import pytest
from django.db import models

from core import rows
from core.models import AuditRow, Heartbeat
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


def as_values(row: models.Model) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def audit_row() -> AuditRow:
    return AuditRow.objects.create(
        at=NOON, actor="user:1", action="look", object_type="a.B", object_id="1", detail={"字": [1, None]}
    )


def test_they_hold_what_the_orm_reads_whatever_the_order_of_the_columns() -> None:
    made = audit_row()
    names = [str(field.column) for field in AuditRow._meta.concrete_fields]
    sql = f"SELECT {', '.join(reversed(names))}, 1 + 1 AS two FROM {AuditRow._meta.db_table} WHERE id = %s"
    (found,) = rows.of(AuditRow, sql, [made.pk])
    assert as_values(found) == as_values(AuditRow.objects.get(pk=made.pk))
    assert (found.detail, vars(found)["two"]) == ({"字": [1, None]}, 2)
    assert found == made
    assert found._state.db == "default"
    assert not found._state.adding


def test_nothing_found_is_an_empty_list() -> None:
    assert rows.of(Heartbeat, "SELECT * FROM core_heartbeat WHERE job = %(job)s", {"job": "none"}) == []


def test_a_statement_without_all_columns_is_refused() -> None:
    audit_row()
    with pytest.raises(ValueError, match="not in"):
        rows.of(AuditRow, "SELECT id FROM core_auditrow", [])
