"""The rows that are evidence, read by account or by what was sealed, and who has something new."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.db import connection

from arrears import evidence_rules
from arrears.evidence_rules import Entry
from arrears.selectors.evidence_parts import PARTS, Part

Name = tuple[str, str, int]  # table, part, id
_XIDS = 2**32  # as many transactions a row can tell apart, half of them before it


@dataclass(frozen=True, slots=True)
class Row:
    table: str
    part: str
    id: int
    since: str  # ISO date from which retention counts; empty: it is kept
    values: dict[str, Any]

    @property
    def name(self) -> Name:
        return self.table, self.part, self.id

    @property
    def digest(self) -> str:
        return evidence_rules.row_digest(self.table, self.part, self.id, self.values)

    @property
    def entry(self) -> Entry:
        return self.table, self.part, self.id, self.digest, self.since


@dataclass(frozen=True, slots=True)
class Horizon:
    """Every transaction before `xid` was over, and seen, when `cluster` was looked through `on` that day."""

    on: date
    xid: int
    cluster: str  # the database and the list of parts: another one knows nothing of these transactions


def of(account_ids: Collection[int], *, today: date, is_fresh: bool = False) -> defaultdict[int, list[Row]]:
    """All sealed parts that stand on that day, or those not sealed yet, by account, in the order of tables and ids."""
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for part in PARTS:
        if part.is_sealed:
            for account_id, row in _read(part, account_ids, today, is_fresh):
                found[account_id].append(row)
    return found


def passing(account_id: int, *, today: date) -> list[Row]:
    """What is shown as it is now and sealed only when it has ended."""
    rows = (_read(part, [account_id], today, False) for part in PARTS if not part.is_sealed)
    return [row for each in rows for _account, row in each]


def by_name(names: Iterable[Name], *, today: date) -> dict[Name, Row]:
    """The rows of these names as they are now, whosever they are by now."""
    wanted: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for table, part, row_id in names:
        wanted[table, part].append(row_id)
    found: dict[Name, Row] = {}
    for each in PARTS:
        if ids := wanted.get(each.key):
            found |= _by_id(each, ids, today)
    return found


def horizon(today: date) -> Horizon:
    """Where the next search may begin, when the present one begins now. Not inside a transaction that has written."""
    oldest, _newest, cluster = _here()
    return Horizon(today, oldest, cluster)


def unsealed(*, today: date, since: Horizon | None = None) -> list[int]:
    """The accounts that may have something to seal, by id.

    With `since`, the horizon of the last search: those of rows that were written by transactions that were not over
    then, in one pass over each table. Without, or when that horizon says nothing about this database any more: all
    rows against all that is sealed.
    """
    sealed = [part for part in PARTS if part.is_sealed]
    if since and _reaches(since):
        queries = [*dict.fromkeys(each for part in sealed for each in part.written)]
    else:
        queries = [part.unsealed for part in sealed]
    return _accounts(queries, today, since)


def missed(since: Horizon) -> list[int]:
    """The accounts of which something that was there at that search is not sealed: its root is not what it says."""
    if not _reaches(since):
        return []
    return _accounts([part.missed for part in PARTS if part.is_sealed], since.on, since)


def _accounts(queries: Iterable[str], today: date, since: Horizon | None) -> list[int]:
    values: dict[str, Any] = {"today": today}
    if since:
        values |= {"floor": str(since.xid % _XIDS), "last": since.on}
    found: set[int] = set()
    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute(f"SELECT DISTINCT id FROM ({query}) found", values)
            found.update(account_id for (account_id,) in cursor)
    return sorted(found)


def _here() -> tuple[int, int, str]:
    """The oldest transaction that is not over, the next one to come, and whose these are: database and parts."""
    marks = [(*part.key, part.names, part.joins, part.when) for part in PARTS if part.is_sealed]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT pg_snapshot_xmin(now)::text::bigint, pg_snapshot_xmax(now)::text::bigint,
                      (SELECT system_identifier FROM pg_control_system()) || ':' || oid
                 FROM pg_current_snapshot() now, pg_database WHERE datname = current_database()"""
        )
        oldest, newest, database = cursor.fetchone()
    return oldest, newest, f"{database}:{evidence_rules.digest(evidence_rules.canonical(marks))[:12]}"


def _reaches(since: Horizon) -> bool:
    """Whether rows still tell what came after it: the same database, and not half of all transactions ago."""
    _oldest, newest, cluster = _here()
    return since.cluster == cluster and 0 <= newest - since.xid < _XIDS // 4


def is_purged(table: str, since: str, *, today: date) -> bool:
    """Whether a row that is gone went by the rule of retention; a day of grace for clocks and nights."""
    rule = next((part.keep for part in PARTS if part.table == table), "")
    days = settings.KEEP_DAYS.get(rule, 0) if rule else 0
    return bool(days and since and (today - date.fromisoformat(since)).days >= days - 1)


def _read(part: Part, account_ids: Collection[int], today: date, is_fresh: bool) -> Iterator[tuple[int, Row]]:
    with connection.cursor() as cursor:
        cursor.execute(part.select(is_fresh=is_fresh), {"ids": sorted(account_ids), "today": today})
        for account_id, row_id, since, *given in cursor.fetchall():
            day = since.isoformat() if since else ""
            yield account_id, Row(part.table, part.name, row_id, day, _values(part, given))


def _by_id(part: Part, ids: Sequence[int], today: date) -> Mapping[Name, Row]:
    with connection.cursor() as cursor:
        cursor.execute(part.select_by_id, {"ids": [*ids], "today": today})
        rows = [Row(part.table, part.name, row_id, "", _values(part, given)) for row_id, *given in cursor]
    return {row.name: row for row in rows}


def _values(part: Part, given: Sequence[Any]) -> dict[str, Any]:
    count = len(part.columns)
    kept = [evidence_rules.plain(value) for value in given[:count]]
    return dict(zip(part.names, (*kept, *map(json.loads, given[count:])), strict=True))
