"""What a database holds, in figures that must be the same after a restore: rows, fen, laws, numbers to come."""

from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from core import roles


@dataclass(frozen=True)
class Facts:
    """Read in one transaction, so that all of it is of one instant."""

    rows: dict[str, int]  # by table
    fen: dict[str, int]  # the sum of each column of money, by "table.column"
    laws: list[str]  # triggers that are always on
    functions: list[str]  # ours, with their arguments

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read() -> Facts:
    with connection.cursor() as cursor:
        tables = _names(
            cursor,
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1",
        )
        money = _money(cursor)
        found = {table: _counted(cursor, table, money.get(table, {})) for table in tables}
        return Facts(
            rows={table: counted[0] for table, counted in found.items()},
            fen={name: cents for _rows, sums in found.values() for name, cents in sums.items()},
            laws=_names(cursor, _LAWS),
            functions=_names(cursor, _FUNCTIONS),
        )


def differences(before: dict[str, Any], after: Facts) -> list[str]:
    """Where two databases differ, in words; empty: they hold the same."""
    now = after.as_json()
    found = []
    for kind in ("rows", "fen"):
        for name in sorted(before[kind].keys() | now[kind].keys()):
            was, has = before[kind].get(name), now[kind].get(name)
            if was != has:
                found.append(f"{kind} of {name}: {was} in the backup, {has} here")
    for kind in ("laws", "functions"):
        found += [f"{kind}: {name} is missing" for name in sorted(set(before[kind]) - set(now[kind]))]
    return found


def numbers_used_twice() -> list[str]:
    """Sequences that would give out a number that a row already has."""
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCES)
        return [sequence for sequence, table, column in cursor.fetchall() if _behind(sequence, table, column)]


_LAWS = """
    SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
     WHERE NOT tgisinternal AND tgenabled = 'A' AND relnamespace = 'public'::regnamespace ORDER BY 1"""
_FUNCTIONS = """
    SELECT p.oid::regprocedure::text FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
       AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') ORDER BY 1"""
_SEQUENCES = """
    SELECT s.relname, t.relname, a.attname
      FROM pg_depend d
      JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
      JOIN pg_class t ON t.oid = d.refobjid
      JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
     WHERE d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND t.relnamespace = 'public'::regnamespace
     ORDER BY 1"""


def _names(cursor: CursorWrapper, sql: str) -> list[str]:
    cursor.execute(sql)
    return [str(name) for (name,) in cursor.fetchall()]


def _money(cursor: CursorWrapper) -> dict[str, dict[str, str]]:
    """Per table and column of money, the SQL of its sum; a list of amounts counts with all of them."""
    cursor.execute(
        """SELECT table_name, column_name, data_type = 'ARRAY' FROM information_schema.columns
            WHERE table_schema = 'public' AND column_name LIKE '%\\_cents' ORDER BY 1, 2"""
    )
    found: dict[str, dict[str, str]] = {}
    for table, column, is_list in cursor.fetchall():
        name = roles.quote(column)
        cents = f"(SELECT sum(each) FROM unnest({name}) each)" if is_list else name
        found.setdefault(table, {})[column] = f"coalesce(sum({cents}), 0)"
    return found


def _counted(cursor: CursorWrapper, table: str, money: dict[str, str]) -> tuple[int, dict[str, int]]:
    sums = "".join(f", {each}" for each in money.values())
    cursor.execute(f"SELECT count(*){sums} FROM {roles.quote(table)}")
    rows, *cents = cursor.fetchone()
    return rows, {f"{table}.{column}": int(each) for column, each in zip(money, cents, strict=True)}


def _behind(sequence: str, table: str, column: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT coalesce(max({roles.quote(column)}), 0)
                       > (SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END
                            FROM {roles.quote(sequence)})
                  FROM {roles.quote(table)}"""
        )
        return bool(cursor.fetchone()[0])
