"""Digests of evidence, and what is wrong with a pack: pure, so that whoever holds a file can check it alike.

Everything is SHA-256 in lower-case hex over canonical JSON: keys sorted, no spaces, UTF-8, nothing escaped needlessly.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

SCHEMA = "hall.evidence/1"
Entry = tuple[
    str, str, int, str, str
]  # table, part, id, digest, day from which retention counts: a sealed row


@dataclass(frozen=True, slots=True)
class Fault:
    """What was found first: `table` and `row_id` name a row; both empty: the seal or root itself does not follow."""

    code: str  # ALTERED, MISSING, SEAL, ROOT, FILE, SCHEMA
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


def file_fault(pack: Any) -> Fault | None:
    """What is wrong in the file itself: the first altered row, else the first seal that does not follow, else all."""
    try:
        return _file_fault(pack)
    except (AttributeError, KeyError, TypeError, ValueError):
        return Fault("SCHEMA")


def _file_fault(pack: Any) -> Fault | None:
    if pack["schema"] != SCHEMA:
        return Fault("SCHEMA")
    account = pack["account"]["number"]
    sealed = {(table, part, key): (mark, seal) for seal, table, part, key, mark in _entries(pack["seals"])}
    for row in pack["rows"]:
        name = (row["table"], row["part"], row["id"])
        own = row_digest(row["table"], row["part"], row["id"], row["values"])
        mark, seal = sealed.pop(name, (row["digest"], 0))
        if own != mark or own != row["digest"]:
            return Fault("ALTERED", account, row["table"], row["id"], seal)
    gone = set(map(tuple, pack["purged"]))
    for (table, part, key), (_mark, seal) in sealed.items():
        if (table, part, key) not in gone:
            return Fault("MISSING", account, table, key, seal)
    if fault := chain_fault(account, pack["seals"]):
        return fault
    return None if pack["digest"] == pack_digest(pack) else Fault("FILE", account)


def _entries(seals: Iterable[Mapping[str, Any]]) -> Iterable[tuple[int, str, str, int, str]]:
    for seal in seals:
        for table, part, key, mark, _since in seal["rows"]:
            yield seal["sequence"], table, part, key, mark
