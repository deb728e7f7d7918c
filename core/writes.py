"""Rows written by SQL that is built once for each model, for the few writes that every order makes.

Triggers and constraints see them as they see those of `save`; signals do not, and fields that fill themselves in when
they are saved (auto_now) do not. What is put into a `Batch` is sent in one go, each statement by itself and in order:
for rows that nobody reads before it is sent.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from django.db import connection, connections, models

Field = Any  # a column of a model


class Batch:
    """Statements for the present transaction, kept until `send`."""

    def __init__(self) -> None:
        self._statements: list[str] = []
        self._values: list[Any] = []

    def update(self, row: models.Model, names: list[str]) -> None:
        """These fields of the row (attribute names), as they are now."""
        sql, fields = _update(type(row), tuple(names))
        self._statements.append(sql)
        self._values += [*_values(row, fields), row.pk]

    def insert(self, *rows: models.Model) -> None:
        """New rows of one model, whose keys nobody needs."""
        sql, fields = _insert(type(rows[0]))
        given = "(" + ", ".join(["%s"] * len(fields)) + ")"
        self._statements.append(sql + f", {given}" * (len(rows) - 1))
        for row in rows:
            self._values += _values(row, fields)

    def send(self) -> None:
        if self._statements:
            with connection.cursor() as cursor:
                cursor.execute(";\n".join(self._statements), self._values)
            self._statements, self._values = [], []


def update(row: models.Model, *names: str) -> None:
    """What `save(update_fields=names)` writes, without looking whether the row is there."""
    batch = Batch()
    batch.update(row, list(names))
    batch.send()


def insert(
    row: models.Model, first: models.Model | None = None, *, link: str = "", numbered: str = ""
) -> None:
    """The new row, with its first row of history if there is one, whose field `link` names the new row.

    `numbered`: the sequence whose next number is put behind what stands in `number`, as `sequences` writes it.
    """
    sql, fields = _insert(type(row), numbered)
    values = _values(row, fields)
    returned = "id, number" if numbered else "id"
    sql = f"{sql} RETURNING {returned}"
    if first is not None:
        of_it = tuple(field for field in _fields(type(first)) if field.name != link)
        sql = f"WITH made AS ({sql}), history AS ({_follow(type(first), link)}) SELECT {returned} FROM made"
        values += _values(first, of_it)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        _is_there(row, cursor.fetchone())


def insert_unless_known(row: models.Model, *, numbered: str) -> bool:
    """The new row, numbered likewise; False, and nothing, where a unique key is taken."""
    sql, fields = _insert(type(row), numbered)
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} ON CONFLICT DO NOTHING RETURNING id, number", _values(row, fields))
        found = cursor.fetchone()
    if found is not None:
        _is_there(row, found)
    return found is not None


def _is_there(row: models.Model, found: Sequence[Any]) -> None:
    row.pk = found[0]
    if len(found) > 1:
        row.number = found[1]  # type: ignore[attr-defined]  # rows that are numbered have it
    row._state.adding, row._state.db = False, connection.alias


@lru_cache(maxsize=100)
def _fields(model: type[models.Model]) -> tuple[Field, ...]:
    return tuple(field for field in model._meta.concrete_fields if not field.primary_key)


@lru_cache(maxsize=100)
def _insert(model: type[models.Model], numbered: str = "") -> tuple[str, tuple[Field, ...]]:
    fields = _fields(model)
    number = f"%s || to_char(nextval('{numbered}'), 'FM0000000000')"
    given = ", ".join(number if numbered and field.name == "number" else "%s" for field in fields)
    return f"INSERT INTO {model._meta.db_table} ({_names(fields)}) VALUES ({given})", fields


@lru_cache(maxsize=100)
def _follow(model: type[models.Model], link: str) -> str:
    """The insert of a row that hangs on the one made beside it."""
    fields = tuple(field for field in _fields(model) if field.name != link)
    hangs: Field = model._meta.get_field(link)
    given = ", ".join(["%s"] * len(fields))
    return f"INSERT INTO {model._meta.db_table} ({_names((*fields, hangs))}) SELECT {given}, id FROM made"


@lru_cache(maxsize=200)
def _update(model: type[models.Model], names: tuple[str, ...]) -> tuple[str, tuple[Field, ...]]:
    fields: Any = tuple(model._meta.get_field(name) for name in names)
    given = ", ".join(f'"{field.column}" = %s' for field in fields)
    return f"UPDATE {model._meta.db_table} SET {given} WHERE id = %s", fields


def _names(fields: Iterable[Field]) -> str:
    return ", ".join(f'"{field.column}"' for field in fields)


def _values(row: models.Model, fields: Iterable[Field]) -> list[Any]:
    here = connections[connection.alias]
    return [_value(field, getattr(row, field.attname), here) for field in fields]


def _value(field: Field, value: Any, here: Any) -> Any:
    if value.__class__ in _PLAIN and field.__class__ in _AS_THEY_ARE:
        return value
    return field.get_db_prep_save(value, here)


# What Django hands to the driver as it is.
_PLAIN = frozenset({str, int, bool, date, type(None)})
_AS_THEY_ARE = frozenset(
    {
        models.CharField,
        models.TextField,
        models.BigIntegerField,
        models.PositiveSmallIntegerField,
        models.DateField,
        models.ForeignKey,
        models.OneToOneField,
    }
)
