"""What is wrong with a pack that somebody hands in: read as bytes, checked against itself. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from arrears import evidence_rules
from arrears.evidence_rules import SCHEMA, Fault

LARGEST = 64 * 1024 * 1024  # bytes; years of an account are a few of these megabytes


class BadFile(Exception):
    """No pack at all. `code`: EMPTY, TOO_LARGE, ENCODING, TRUNCATED, NOT_JSON."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code


def parse(content: bytes) -> Any:
    """The JSON inside, every name once and no number that JSON does not have. Raises BadFile."""
    if len(content) > LARGEST:
        raise BadFile("TOO_LARGE", f"more than {LARGEST} bytes")
    text = _text(content)
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or "Unterminated" in error.msg:
            raise BadFile("TRUNCATED", f"it ends in the middle, at {error.pos}") from error
        raise BadFile("NOT_JSON", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise BadFile("NOT_JSON", str(error)) from error


def file_fault(pack: Any) -> Fault | None:
    """What is wrong in the file itself: the first row that is, else the first seal that does not follow, else all."""
    try:
        return _file_fault(pack)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, RecursionError):
        return Fault("SCHEMA")


def _text(content: bytes) -> str:
    if not content.strip():
        raise BadFile("EMPTY", "nothing in it")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise BadFile("ENCODING", f"not UTF-8 at byte {error.start}") from error
    if text.startswith("\ufeff"):
        raise BadFile("ENCODING", "a mark of byte order before the text")
    return text


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values of one name readers see either: a place to hide another text in."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _file_fault(pack: Any) -> Fault | None:
    if pack["schema"] != SCHEMA:
        return Fault("SCHEMA")
    account = pack["account"]["number"]
    sealed = dict(_entries(pack["seals"]))
    if fault := next(_row_faults(account, pack["rows"], sealed), None):
        return fault
    gone = set(map(tuple, pack["purged"]))
    for name, (_mark, seal) in sealed.items():
        if name not in gone:
            return Fault("MISSING", account, name[0], name[2], seal)
    fault = _order_fault(account, pack["rows"]) or evidence_rules.chain_fault(account, pack["seals"])
    if fault:
        return fault
    return None if pack["digest"] == evidence_rules.pack_digest(pack) else Fault("FILE", account)


def _row_faults(account: str, rows: Iterable[Mapping[str, Any]], sealed: dict[Any, Any]) -> Iterator[Fault]:
    """Takes those that are right off `sealed`."""
    seen = set()
    for row in rows:
        name = (row["table"], row["part"], row["id"])
        own = evidence_rules.row_digest(*name, row["values"])
        mark, seal = sealed.pop(name, (row["digest"], 0))
        if name in seen or (row["seal"] and not seal):
            yield Fault("ADDED", account, row["table"], row["id"], row["seal"])
        elif (own, row["digest"], row["seal"]) != (mark, mark, seal):
            yield Fault("ALTERED", account, row["table"], row["id"], seal)
        seen.add(name)


def _order_fault(account: str, rows: list[Mapping[str, Any]]) -> Fault | None:
    """The first row that does not stand where its time puts it."""
    times = evidence_rules.times([(row["table"], row["part"], row["id"], row["values"]) for row in rows])
    before: tuple[Any, ...] = ()
    for row, at in zip(rows, times, strict=True):
        place = (at, row["table"], row["id"], row["part"])
        if row["at"] != at or place < before:
            return Fault("ORDER", account, row["table"], row["id"], row["seal"])
        before = place
    return None


def _entries(seals: Iterable[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, str, int], tuple[str, int]]]:
    for seal in seals:
        for table, part, key, mark, _since in seal["rows"]:
            yield (table, part, key), (mark, seal["sequence"])
