"""Digests of evidence: pure, so that whoever holds a pack can check it alike.

Everything is SHA-256 in lower-case hex over canonical JSON: keys sorted, no spaces, UTF-8, nothing escaped needlessly.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

SCHEMA = "hall.evidence/1"
HANDED_OUT = "arrears.evidence.pack"  # the audit row of whoever takes a pack
Entry = tuple[
    str, str, int, str, str
]  # table, part, id, digest, day from which retention counts: a sealed row


@dataclass(frozen=True, slots=True)
class Fault:
    """What was found first: `table` and `row_id` name a row; both empty: the seal or root itself does not follow."""

    code: str  # ALTERED, MISSING, ADDED, ORDER, SEAL, ROOT, UNSEALED, ACCOUNT, UNKNOWN, FILE, SCHEMA
    account: str = ""
    table: str = ""
    row_id: int = 0
    seal: int = 0  # its sequence within the account; 0: of no seal
    on: str = ""  # the night of a root

    def __str__(self) -> str:
        parts = (self.code, self.account, f"{self.table} id {self.row_id}" if self.table else "")
        seal = f"seal {self.seal}" if self.seal else ""
        return " ".join(part for part in (*parts, seal, self.on) if part)


def canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """A column's value as JSON has it: instants in UTC with microseconds, bytes by their own digest."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return hashlib.sha256(bytes(value)).hexdigest()
    return value


def row_digest(table: str, part: str, row_id: int, values: Mapping[str, Any]) -> str:
    return digest(canonical({"id": row_id, "part": part, "table": table, "values": values}))


def seal_digest(
    *, account: str, sequence: int, sealed_on: str, previous: str, entries: Iterable[Sequence[Any]]
) -> str:
    """`entries` in any order: they are sealed in the order of table, part, id."""
    content = {
        "account": account,
        "rows": sorted(list(entry) for entry in entries),
        "sealed_on": sealed_on,
        "sequence": sequence,
    }
    return digest(previous + canonical(content))


class Root:
    """The digest of a night, built seal by seal in the order of account ids: a million of them are never in memory."""

    def __init__(self, previous: str, sealed_on: str) -> None:
        self._hash = hashlib.sha256(f"{previous}{sealed_on}".encode())
        self.seals = 0

    def add(self, account: str, sequence: int, seal: str) -> None:
        self._hash.update(canonical([account, sequence, seal]).encode())
        self.seals += 1

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


def pack_digest(pack: Mapping[str, Any]) -> str:
    """Over all of the pack but its own digest."""
    return digest(canonical({name: value for name, value in pack.items() if name != "digest"}))


def chain_fault(account: str, seals: Sequence[Mapping[str, Any]]) -> Fault | None:
    """The first seal that does not follow: its number, the digest before it, or its own."""
    previous = ""
    for expected, seal in enumerate(seals, start=1):
        own = seal_digest(
            account=account,
            sequence=expected,
            sealed_on=seal["sealed_on"],
            previous=previous,
            entries=seal["rows"],
        )
        if (seal["sequence"], seal["previous"], seal["digest"]) != (expected, previous, own):
            return Fault("SEAL", account, seal=expected)
        previous = own
    return None


# When a row says that it happened; the first that it has.
_WHEN = (
    "delivered_at", "closed_at", "ended_at", "decided_at", "received_at", "refunded_at", "done_at", "at", "sent_at",
    "created_at", "opened_at", "made_at", "finished_at", "paid_at", "posted_on", "promised_on", "active_from",
    "active_to", "ends_on", "begins_on", "judged_on", "issued_on",
)  # fmt: skip
# Parts that have no time of their own, and the table of what they belong to by which column.
_BELONGS = {"arrears_warrantproof": ("arrears_warrant", "warrant_id")}


def times(rows: Iterable[tuple[str, str, int, Mapping[str, Any]]]) -> list[str]:
    """When each (table, part, id, values) happened, in their order; one without a time stands with its row's birth."""
    rows = list(rows)
    born = {(table, key): _when(values) for table, part, key, values in rows if not part}
    return [_when(values) or _near(table, key, values, born) for table, _part, key, values in rows]


def _when(values: Mapping[str, Any]) -> str:
    return next((str(values[name]) for name in _WHEN if values.get(name)), "")


def _near(table: str, key: int, values: Mapping[str, Any], born: Mapping[tuple[str, int], str]) -> str:
    if table in _BELONGS:
        of, column = _BELONGS[table]
        return born.get((of, values.get(column, 0)), "")
    return born.get((table, key), "")
