"""Many values as one parameter: PostgreSQL's own spelling of an array, to be cast where it is used.

A list becomes `ARRAY[1, 2, …]`, an expression that the server parses and plans element by element; a thousand rows of
ten columns cost it more than writing them. This is one constant: `= ANY(%s::bigint[])`, `unnest(%s::text[])`.
"""

from collections.abc import Iterable
from datetime import date


def ints(values: Iterable[int | None]) -> str:
    """For `::bigint[]` and its like."""
    return "{" + ",".join(["NULL" if each is None else str(each) for each in values]) + "}"


def dates(values: Iterable[date | None]) -> str:
    """For `::date[]`; moments with their zone for `::timestamptz[]`."""
    return "{" + ",".join(["NULL" if each is None else f'"{each.isoformat()}"' for each in values]) + "}"


def texts(values: Iterable[str | None]) -> str:
    """For `::text[]`. Every text comes back as it was; "" and "NULL" are texts, None is NULL."""
    return "{" + ",".join(["NULL" if each is None else _quoted(each) for each in values]) + "}"


def _quoted(text: str) -> str:
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    return '"' + text.replace('"', '\\"') + '"'
