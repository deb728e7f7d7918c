"""With the application's own rights and raw SQL: what is sealed is not altered, or `verify_evidence` names it.

Tried on every sealed column of every table: another value; on every sealed row: its end. On the seals themselves: more
rows under a seal, a seal more in a night that has its root, a root of a night to come, a root of another hand by which
rows are forgotten. What is written into a day that is over lies under the seal of the night in which it was written.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.db import Error, connection, transaction

from accounts.models import BillingAccount
from arrears import evidence_rules
from arrears.evidence_rules import Fault
from arrears.models import EvidenceRoot, EvidenceSeal, SealedRow, SealFailure
from arrears.selectors import evidence_checks, evidence_rows
from notices.models import Message
from tests.arrears import build, evidence_build
from tests.arrears.build import after
from tests.arrears.evidence_build import LAST
from tests.arrears.test_evidence import SEALED, _other, seal
from tests.core.sql import CHECK, DENIED
from tests.core.test_roles import made_roles  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db
REFUSED = (DENIED, CHECK, "23503", "23505")  # or by a foreign key, or a unique one


@pytest.fixture
def app(made_roles: tuple[str, str]) -> str:  # noqa: F811  # the fixture
    return made_roles[0]


@pytest.fixture
def sealed() -> BillingAccount:
    """With a row of every kind, all laws on again."""
    account = evidence_build.account()
    assert seal().roots == 1
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            """SELECT format('ALTER TABLE %I %s TRIGGER %I', relname,
                   CASE WHEN tgisinternal THEN 'ENABLE' ELSE 'ENABLE ALWAYS' END, tgname)
                 FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE tgenabled = 'D'"""
        )
        for (sql,) in cursor.fetchall():
            cursor.execute(sql)
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    assert faults() == []
    return account


def faults(nights: int = 0) -> list[Fault]:
    return list(evidence_checks.everything(today=LAST + timedelta(nights)))


def told(role: str, sql: str, values: Any = None) -> list[Fault] | None:
    """What is named after that role has done it; None: it was refused. Undone again."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f'SET LOCAL ROLE "{role}"')
                cursor.execute(sql, values)
                assert cursor.rowcount, sql
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
                cursor.execute("RESET ROLE")
            found = faults()
            transaction.set_rollback(True)
    except Error as error:
        if getattr(error.__cause__, "pgcode", "") in REFUSED:
            return None
        raise
    return found


def kind(table: str, column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT data_type FROM information_schema.columns WHERE table_name = %s AND column_name = %s",
            [table, column],
        )
        return str(cursor.fetchone()[0])


def test_every_sealed_column_and_row_is_kept_or_its_change_is_named(app: str, sealed: BillingAccount) -> None:
    rows = SealedRow.objects.filter(account=sealed)
    for part in SEALED:
        row = rows.filter(table_name=part.table, part=part.name).earliest("pk")
        changes = [
            f'UPDATE "{part.table}" SET "{column}" = {_other(kind(part.table, column), column)}'
            for column in part.names
        ]
        for sql in (*changes, f'DELETE FROM "{part.table}"'):
            found = told(app, f"{sql} WHERE id = {row.row_id}".replace("%%", "%"))
            assert found is None or (part.table, row.row_id) in {
                (each.table, each.row_id) for each in found
            }, sql
    assert faults() == []


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("UPDATE arrears_evidenceseal SET digest = 'x'", None),
        ("DELETE FROM arrears_evidenceseal", None),
        ("UPDATE arrears_sealedrow SET digest = 'x'", None),
        ("DELETE FROM arrears_sealedrow", None),
        ("UPDATE arrears_evidenceroot SET horizon = NULL", None),
        ("DELETE FROM arrears_evidenceroot", None),
        ("DELETE FROM arrears_sealfailure", None),
        (
            """INSERT INTO arrears_sealedrow (seal_id, account_id, table_name, part, row_id, digest)
               SELECT seal_id, account_id, table_name, 'more', row_id, digest FROM arrears_sealedrow LIMIT 1""",
            "MISSING",
        ),
        (
            """INSERT INTO arrears_evidenceseal (account_id, sequence, sealed_on, rows, previous, digest, sealed_at)
               SELECT account_id, sequence + 1, sealed_on, 0, digest, digest, sealed_at
                 FROM arrears_evidenceseal LIMIT 1""",
            "SEAL",
        ),
        (
            """INSERT INTO arrears_evidenceroot (sealed_on, seals, previous, digest, sealed_at, cluster)
               SELECT DATE '2099-01-01', 0, digest, digest, sealed_at, cluster FROM arrears_evidenceroot""",
            None,
        ),
        (
            """INSERT INTO arrears_evidenceroot (sealed_on, seals, previous, digest, sealed_at, cluster)
               SELECT sealed_on + 1, 0, digest, digest, sealed_at, cluster FROM arrears_evidenceroot""",
            "ROOT",
        ),
    ],
)
def test_the_seals_themselves(app: str, sealed: BillingAccount, sql: str, code: str | None) -> None:
    if "sealfailure" in sql:
        evidence_build.insert(SealFailure, account_id=sealed.pk)
    found = told(app, sql)
    assert (found is None) == (code is None)
    assert found is None or code in {each.code for each in found}


def test_a_row_put_into_a_day_that_is_over_lies_under_the_night_in_which_it_was_written(
    app: str, sealed: BillingAccount
) -> None:
    """Nothing tells a late row from a forged one, but everybody sees that it was not there."""
    before = dict(EvidenceSeal.objects.values_list("pk", "digest"))
    names = ", ".join(
        str(field.column)
        for field in Message._meta.concrete_fields
        if field.column not in ("id", "dedupe_key")
    )
    sql = f"""INSERT INTO notices_message (dedupe_key, {names}) SELECT 'forged', {names} FROM notices_message
        WHERE recipient_ref = %s ORDER BY id LIMIT 1 RETURNING id"""
    with connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{app}"')
        cursor.execute(sql, [f"account:{sealed.number}"])
        [row_id] = cursor.fetchone()
        cursor.execute("RESET ROLE")
    assert faults() == []
    assert seal(1).roots == 1
    row = SealedRow.objects.get(table_name="notices_message", row_id=row_id)
    assert row.seal.sealed_on == LAST + timedelta(1)
    assert before.items() <= dict(EvidenceSeal.objects.values_list("pk", "digest")).items()
    assert faults(1) == []


@pytest.mark.django_db(transaction=True)
def test_a_root_of_another_hand_does_not_make_rows_forgotten(app: str) -> None:
    """It follows from the seals there are, and says that everything up to now was looked at."""
    account = build.account()
    build.bill(account)
    assert seal().roots == 1
    build.one(account, after(61))
    assert evidence_rows.unsealed(today=after(61)) == [account.pk]
    last = EvidenceRoot.objects.get()
    night = LAST + timedelta(1)
    own = evidence_rules.Root(last.digest, night.isoformat())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{app}"')
        cursor.execute(
            """INSERT INTO arrears_evidenceroot (sealed_on, seals, previous, digest, sealed_at, horizon, cluster)
               SELECT %s, 0, digest, %s, sealed_at, pg_snapshot_xmax(pg_current_snapshot())::text::bigint, cluster
                 FROM arrears_evidenceroot""",
            [night, own.digest],
        )
    assert [(each.code, each.account) for each in faults(1)] == [("UNSEALED", account.number)]
    assert (seal(2).sealed, EvidenceSeal.objects.count()) == (0, 1)  # the control: by itself it forgets them
    assert seal(3, everything=True).sealed == 1
    assert faults(3) == []
