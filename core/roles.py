"""The three database roles: the owner migrates, the app works, the read-only role looks.

The laws (core.db) bind all three; the rights below see to it that the app cannot take the laws away, and that a table
whose rows are never changed cannot even be asked to. Pure text: who runs it is the command `database_roles`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pgtrigger
from django.apps import apps
from django.db import models

from core.db import AppendOnly, NeverDelete

POWERS = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT"
MIGRATIONS = "django_migrations"


def quote(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def tables_under(*laws: type[pgtrigger.Trigger]) -> list[str]:
    """The tables that carry one of these laws, by name."""
    return sorted(
        {model._meta.db_table for model, trigger in pgtrigger.registered() if isinstance(trigger, laws)}
    )


@dataclass(frozen=True)
class Hidden:
    """What the read-only role does not see: whole tables, and columns of others."""

    tables: frozenset[str]
    columns: frozenset[tuple[str, str]]  # (table, column)


def hidden(entries: Iterable[str]) -> Hidden:
    """Reads "app.Model", "app.Model.field" or the bare name of a table; a name that is not there raises LookupError."""
    tables, columns = set(), set()
    for entry in entries:
        parts = entry.split(".")
        if len(parts) == 1:
            tables.add(entry)
            continue
        meta = apps.get_model(parts[0], parts[1])._meta
        if len(parts) == 2:
            tables.add(meta.db_table)
        else:
            columns.add((meta.db_table, _column(meta, parts[2])))
    return Hidden(frozenset(tables), frozenset(columns))


def _column(meta: "models.options.Options[models.Model]", name: str) -> str:
    column = meta.get_field(name).column  # type: ignore[union-attr]  # a relation without a column is a wrong entry
    if not column:
        raise LookupError(f"{meta.label}.{name} has no column")
    return str(column)


def app_grants(role: str, tables: Sequence[str], functions: Sequence[str] = ()) -> Iterator[str]:
    """SQL after which `role` may work with the rows of these tables and call these functions, and nothing more."""
    app = quote(role)
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {app}"
    yield f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {app}"
    yield f"GRANT USAGE ON SCHEMA public TO {app}"
    append_only, kept = tables_under(AppendOnly), tables_under(NeverDelete)
    for table in tables:
        rights = "SELECT, INSERT, UPDATE, DELETE"
        if table == MIGRATIONS:
            rights = "SELECT"
        elif table in append_only:
            rights = "SELECT, INSERT"
        elif table in kept:
            rights = "SELECT, INSERT, UPDATE"
        yield f"GRANT {rights} ON {quote(table)} TO {app}"
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {app}"
    for function in functions:
        yield f"GRANT EXECUTE ON FUNCTION {function} TO {app}"
    # A migration's new table works at once; the law on it holds until this command takes the rights away, too.
    future = "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT"
    yield f"{future} SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}"
    yield f"{future} USAGE, SELECT ON SEQUENCES TO {app}"


def readonly_grants(role: str, columns: Sequence[tuple[str, str]], secret: Hidden) -> Iterator[str]:
    """SQL after which `role` may read these (table, column) pairs, without what is hidden.

    It gets no right on future tables: a new table may hold a secret.
    """
    readonly = quote(role)
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {readonly}"
    yield f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {readonly}"
    yield f"GRANT USAGE ON SCHEMA public TO {readonly}"
    for table in sorted({table for table, _ in columns} - secret.tables):
        if any(table == masked for masked, _ in secret.columns):
            seen = [name for owner, name in columns if owner == table and (table, name) not in secret.columns]
            yield f"GRANT SELECT ({', '.join(map(quote, seen))}) ON {quote(table)} TO {readonly}"
        else:
            yield f"GRANT SELECT ON {quote(table)} TO {readonly}"
