"""Temporary tables of the session, filled with COPY, from which rooms merge set-wise."""

import csv
import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection

from core.imports.cells import Value
from core.imports.errors import ImportRunning

_KEY = "hashtextextended('import:' || %(name)s, 0)"
_ASK_AGAIN_SECONDS = 0.2
Rows = Iterable[Sequence[Value]]


@dataclass(frozen=True)
class Stage:
    """`columns` maps each column to its SQL type; text columns keep the empty string, others read it as NULL."""

    table: str
    columns: Mapping[str, str]

    def create(self) -> None:
        """Makes it anew, empty, for this session only."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns.items())
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{self.table}")
            cursor.execute(f"CREATE TEMPORARY TABLE {self.table} ({columns})")

    def fill(self, rows: Rows) -> None:
        """Holds these rows and no others; the planner knows how many."""
        texts = ", ".join(name for name, kind in self.columns.items() if kind == "text")
        options = f"FORMAT csv{f', FORCE_NOT_NULL ({texts})' if texts else ''}"
        buffer = io.StringIO()
        csv.writer(buffer).writerows(rows)
        buffer.seek(0)
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {self.table}")
            cursor.copy_expert(f"COPY {self.table} FROM STDIN WITH ({options})", buffer)
            cursor.execute(f"ANALYZE {self.table}")


def next_ids(table: str, count: int) -> list[int]:
    """So many fresh primary keys, rising: rows that refer to each other can then be staged together."""
    sql = """SELECT nextval(sequence.name)
               FROM (SELECT pg_get_serial_sequence(%(table)s, 'id')::regclass AS name OFFSET 0) AS sequence,
                    generate_series(1, %(count)s)"""
    return [row[0] for row in query(sql, {"table": table, "count": count})]


def highest_id(table: str) -> int:
    """The highest primary key so far; 0 for an empty table."""
    ((highest,),) = query(f"SELECT coalesce(max(id), 0) FROM {table}", {})
    return int(highest)


def one_at_a_time(name: str) -> None:
    """Imports of the same thing wait for each other until the transaction ends."""
    query(f"SELECT pg_advisory_xact_lock({_KEY})", {"name": name})


@contextmanager
def alone(name: str, *, give_up: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """While inside, no other import of the same thing runs; a process that dies lets go.

    Waits for the other one, asking again so that a signal is heard; raises ImportRunning when `give_up` says so.
    """
    while not query(f"SELECT pg_try_advisory_lock({_KEY})", {"name": name})[0][0]:
        if give_up():
            raise ImportRunning()
        time.sleep(_ASK_AGAIN_SECONDS)
    try:
        yield
    finally:
        query(f"SELECT pg_advisory_unlock({_KEY})", {"name": name})


def prefer_lookups() -> None:
    """For the rest of the transaction the planner looks rows up by index.

    A chunk is small beside the tables that it is merged into, and their statistics lag behind an import: a plan that
    reads a whole table for each chunk would make a long import take quadratic time.
    """
    execute("SET LOCAL enable_seqscan = off; SET LOCAL jit = off", {})


def analyze(tables: Iterable[str]) -> None:
    """The planner knows at once what these tables hold; a role that may not do this is warned and goes on."""
    for table in tables:
        execute(f"ANALYZE {table}", {})


def array(texts: Iterable[str]) -> str:
    """A PostgreSQL text array of numbers, which hold neither quotation marks nor backslashes."""
    return "{" + ",".join(f'"{text}"' for text in texts) + "}"


def query(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def execute(sql: str, values: Mapping[str, Any]) -> None:
    """Statements without rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
