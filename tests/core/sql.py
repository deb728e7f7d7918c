"""Plain sessions with the test database, and rows made up for any model: what the laws are tried with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import psycopg2
from django.apps import apps
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
from django.db import connection, models
from psycopg2.extras import DateTimeTZRange, Json

AT = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)
DENIED, CHECK = "42501", "23514"  # insufficient_privilege; check_violation, which the laws use


@dataclass(frozen=True)
class Refusal:
    code: str  # SQLSTATE
    constraint: str  # the name of the law, where it is one
    text: str


class Session:
    """One connection and one transaction that is never committed. Foreign keys are looked at on commit, thus never."""

    def __init__(self, link: Any) -> None:
        self.link = link

    def run(self, sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        with self.link.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def refusal(self, sql: str, values: list[Any] | None = None) -> Refusal | None:
        """Why the database refuses this, or None; done or not, it is undone again."""
        self.run("SAVEPOINT trial")
        try:
            self.run(sql, values)
        except psycopg2.Error as error:
            return Refusal(error.pgcode or "", error.diag.constraint_name or "", str(error))
        finally:
            self.run("ROLLBACK TO SAVEPOINT trial")
        return None

    def insert(self, model: type[models.Model], **given: Any) -> Any:
        """A row of this model, whatever it stands for; returns its primary key."""
        values = filler(model) | given
        if (first := FIRST.get(model._meta.label)) is not None:
            first(self, values)
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join(["%s"] * len(values))
        meta = model._meta
        sql = f'INSERT INTO "{meta.db_table}" ({names}) VALUES ({marks}) RETURNING "{primary_key(model)}"'
        return self.run(sql, [*values.values()])[0][0]


@contextmanager
def session(user: str = "", password: str = "") -> Iterator[Session]:
    """A session as this role; without one, as the owner of the tables."""
    known = connection.settings_dict
    link = psycopg2.connect(
        host=known["HOST"],
        port=known["PORT"] or 5432,
        dbname=known["NAME"],
        user=user or known["USER"],
        password=password or known["PASSWORD"] or None,
    )
    try:
        yield Session(link)
    finally:
        link.rollback()
        link.close()


def primary_key(model: type[models.Model]) -> str:
    return str(model._meta.pk.column)


# What the constraints of these tables want beyond the type of the column.
_WANTED: dict[str, dict[str, Any]] = {
    "accounts.Certificate": {"expires_on": date(2026, 12, 1)},
    "operations.ServingSession": {"served_id": 2},
    "content.Section": {"active_until": AT},
    "billing.Payment": {"reference": "P20261118", "amount_cents": 1},
    "billing.Receipt": {"amount_cents": 1},
    "billing.Refund": {"amount_cents": 1},
    "billing.RefundRequest": {"number": "RF20261118", "amount_cents": 1},
    "billing.Allocation": {"amount_cents": 1},
    "billing.ReceiptTransfer": {"to_account_id": 2},
    "billing.LedgerEntry": {"kind": "BILL", "bill_id": 1, "amount_cents": -1},
    "billing.DebitAgreement": {"max_cents": 1},
    "billing.DebitNotice": {"amount_cents": 1},
    "billing.DebitTry": {"number": 1},
    "resources.Number": {"digits": "13812345678"},
    "resources.NumberPeriod": {"kind": "HOLD", "during": DateTimeTZRange(AT, AT.replace(year=2099))},
    "resources.StockMove": {"available": 1},
    "resources.Transfer": {"source_id": 1, "target_id": 2},
    "catalog.PriceException": {"active_from": date(2026, 11, 1), "active_to": date(2026, 11, 30)},
    "catalog.Subscription": {"begins_on": date(2026, 11, 1)},
    "catalog.Termination": {"reason": "AUTHORITY", "document_id": 1},
    "catalog.PausePolicy": {"region_id": 1},
    "arrears.Policy": {"region_id": 1},
    "arrears.PolicyStage": {"policy_id": 1_000_000},
    "arrears.PolicyNotice": {"policy_id": 1_000_000},
    "arrears.Promise": {"until": date(2026, 11, 8)},
    "arrears.Exemption": {"active_to": date(2026, 12, 1)},
    "arrears.Warrant": {"second_approver_id": 2, "owed_cents": 1},
    "arrears.WriteOff": {"amount_cents": 1},
    "billing.StatementDifference": {"verdict": "LOCAL_ONLY", "receipt_id": 1},
}


def _ordered(opened: Session, values: dict[str, Any]) -> None:
    """An authority has ordered the end of a line, and two people who did not write that down have approved it."""
    line, number = apps.get_model("catalog", "Subscription"), values["subscription_id"]
    if not opened.run("SELECT 1 FROM catalog_subscription WHERE id = %s", [number]):
        opened.insert(line, id=number, number=f"old-{number}")
    order = opened.insert(
        apps.get_model("arrears", "AuthorityOrder"), document_id=1, subscription_id=number, made_by_id=1
    )
    for user_id in (2, 3):
        opened.insert(apps.get_model("arrears", "AuthorityApproval"), order_id=order, user_id=user_id)


# Rows that a row of that kind rests on: written before it.
FIRST: dict[str, Callable[[Session, dict[str, Any]], None]] = {"catalog.Termination": _ordered}


def filler(model: type[models.Model]) -> dict[str, Any]:
    """A value for each column that must be given: keys of foreign rows that need not exist, dates of one day."""
    values = {
        str(field.column): _value(field)
        for field in model._meta.concrete_fields
        if not isinstance(field, models.AutoField) and not getattr(field, "generated", False)
    }
    return values | _WANTED.get(model._meta.label, {})


def _value(field: Any) -> Any:
    if field.has_default():
        default = field.get_default()
        return Json(default) if isinstance(field, models.JSONField) else default
    if field.null:
        return None
    return made_up(field, 1)


def made_up(field: Any, which: int) -> Any:
    """A value of the field's type, another one for another `which`."""
    if isinstance(field, models.ForeignKey):
        return which
    if isinstance(field, ArrayField):
        return [made_up(field.base_field, which)]
    if field.choices:
        return field.choices[which % len(field.choices)][0]
    for kind, value in (
        (models.DateTimeField, AT.replace(hour=which)),
        (models.DateField, date(2026, 11, which)),
        (models.BooleanField, bool(which % 2)),
        (models.IntegerField, which),
        (models.JSONField, Json({"n": which})),
        (DateTimeRangeField, DateTimeTZRange(AT, AT.replace(year=2090 + which))),
        (models.BinaryField, bytes([which])),
        (models.GenericIPAddressField, f"10.0.0.{which}"),
        ((models.CharField, models.TextField), f"v{which}"),
    ):
        if isinstance(field, kind):
            return value
    raise TypeError(f"no value for {field}")
