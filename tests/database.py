"""Transactional tests leave the database as the migrations made it, what those wrote included (templates, regions …).

Django's own way empties every table, so that the next test would find no notice template. A database that is kept
between runs (--reuse-db) must have been left clean: make a new one after a killed run.
"""

import io

from django.db import connection
from django.db.backends.utils import CursorWrapper

_written: dict[str, bytes] = {}  # table → its rows, in COPY's own form


def remember() -> None:
    """Keeps the rows that the migrations wrote; called once, before the first test."""
    with connection.cursor() as cursor:
        for table in _filled(cursor, connection.introspection.table_names(cursor)):
            _written[table] = _rows(cursor, table)


def restore() -> None:
    """Empties what a test filled and puts back what it took from the rows of the migrations."""
    with connection.cursor() as cursor:
        tables = _filled(cursor, connection.introspection.table_names(cursor))
        dirty = [
            table for table in tables if table not in _written or _rows(cursor, table) != _written[table]
        ]
        if dirty:
            cursor.execute(f"TRUNCATE {', '.join(map(connection.ops.quote_name, dirty))} CASCADE")
        emptied = _written.keys() - set(_filled(cursor, list(_written)))
        cursor.execute("BEGIN")  # foreign keys are looked at when all tables are back
        for table in sorted(emptied, reverse=True):  # what is part of a row before it: laws look at that row
            copy = f"COPY {connection.ops.quote_name(table)} FROM STDIN"
            cursor.cursor.copy_expert(copy, io.BytesIO(_written[table]))
        cursor.execute("COMMIT")


def _filled(cursor: CursorWrapper, tables: list[str]) -> list[str]:
    if not tables:
        return []
    asked = [
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})"
        for table in tables
    ]
    cursor.execute(" UNION ALL ".join(asked))
    return [table for (table,) in cursor.fetchall()]


def _rows(cursor: CursorWrapper, table: str) -> bytes:
    rows = io.BytesIO()
    cursor.cursor.copy_expert(
        f"COPY (SELECT * FROM {connection.ops.quote_name(table)} ORDER BY 1) TO STDOUT", rows
    )
    return rows.getvalue()
