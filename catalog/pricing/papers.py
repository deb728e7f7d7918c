"""Lines as JSON, and the digest by which a preview and a bill are known to be the same."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from hashlib import sha256
from typing import Any

from catalog.pricing.types import Line


def as_json(line: Line) -> dict[str, Any]:
    """A line as plain values; `from_json` gives the same line back."""
    return {
        "code": line.code,
        "ref": line.ref,
        "offer": line.offer,
        "charge": line.charge,
        "amount_cents": line.amount_cents,
        "begins_on": line.begins_on.isoformat(),
        "ends_on": line.ends_on.isoformat(),
        "rule": line.rule,
        "terminal": line.terminal,
    }


def from_json(data: Mapping[str, Any]) -> Line:
    """The line that `as_json` wrote. KeyError, TypeError or ValueError for anything else."""
    values = {
        **data,
        "begins_on": date.fromisoformat(data["begins_on"]),
        "ends_on": date.fromisoformat(data["ends_on"]),
    }
    return Line(**values)


def digest(lines: Iterable[Line]) -> str:
    """SHA-256 over what is charged for what and when, in hexadecimal; the order of the lines does not matter.

    Refs are left out: a holding has another one when it is only asked for ("new:…") than when it is there.
    """
    rows = sorted(
        [
            line.code,
            line.begins_on.isoformat(),
            line.ends_on.isoformat(),
            line.terminal,
            line.amount_cents,
        ]
        for line in lines
    )
    return sha256(json.dumps(rows, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()
