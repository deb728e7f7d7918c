"""Profiles: how one system writes its exports, as a TOML file that an operator can read and change.

    source = "boss"                     # whose numbers these are; part of what makes a row unique
    encoding = "auto"                   # or the name of one
    delimiter = ","
    quote = '"'                         # "" when quotation marks are plain text
    skip_lines = 0                      # lines above the header
    header = true                       # false: columns are given by their place, 1 for the first
    comment = "#"                       # rows whose first cell begins so are skipped
    money = "major"                     # yuan; "minor": fen
    dates = ["%Y-%m-%d", "%m/%d/%Y"]
    nulls = ["", "NULL"]                # words that stand for nothing

    [bills]                             # one table for each kind of import that can be made from such a file
    [bills.columns]
    number = "账单号"                    # a field of the hall = the column's name, or several possible names
    account = ["户号", "用户编号"]
    [bills.constants]
    item_text = "有线电视费"              # the same for every row
    [bills.widths]
    number = 10                         # digits; fewer means that leading zeros were lost
    [bills.only]
    "状态" = ["已出账", "Y"]              # only rows that say one of these are taken; the others are skipped

Rooms may add options of their own to their table. An unknown key is an error with its line, never ignored.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from django.apps import apps

from core.imports import encodings
from core.imports.errors import BadProfile, UnknownProfile

FOLDER = "profiles"
Place = str | int | list[str]  # a column by name, by number, or by the first of several names that is there
_KINDS = ("accounts", "bills", "holdings", "numbers", "prices", "receipts")
_SOURCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_OURS = "hall"  # the source of what the hall itself writes
_TABLES = {"columns": dict, "constants": dict, "widths": dict, "only": dict}


@dataclass(frozen=True)
class Format:
    """How the file is written, whatever is in it."""

    encoding: str = encodings.AUTO
    delimiter: str = ","
    quote: str = '"'
    skip_lines: int = 0
    header: bool = True
    comment: str = ""
    money: str = "major"
    dates: tuple[str, ...] = (
        "%Y-%m-%d",
        "%Y/%m/%d",
        "%Y%m%d",
        "%Y-%m-%d %H:%M:%S",
        "%Y/%m/%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%Y/%m/%d %H:%M",
    )
    nulls: tuple[str, ...] = ("", "null", "none", "nan", "n/a", "\\N")


@dataclass(frozen=True)
class Profile:
    """One kind's part of a profile file. `options` are the room's own keys."""

    path: Path
    kind: str
    source: str
    format: Format
    columns: Mapping[str, Place]
    constants: Mapping[str, str] = field(default_factory=dict)
    widths: Mapping[str, int] = field(default_factory=dict)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def wrong(self, key: str, why: str) -> BadProfile:
        """The error that names the line on which `key` stands."""
        return _wrong(self.path, key, why)


def load(name: str, *, kind: str, options: Mapping[str, type | tuple[type, ...]]) -> Profile:
    """The profile of this name (shipped with a room) or path, for this kind of import.

    `options` names the room's own keys and their types. Raises UnknownProfile, or BadProfile with the line.
    """
    path = _find(name, kind)
    data = _parse(path)
    _check_keys(path, data, {"source", *(item.name for item in fields(Format)), *_KINDS}, "")
    if kind not in data:
        there = ", ".join(key for key in _KINDS if key in data)
        raise _wrong(path, "", f"[{kind}] is missing; this profile has: {there}")
    table = _typed(path, kind, data[kind], dict)
    _check_keys(path, table, {*_TABLES, *options}, kind)
    return Profile(
        path=path,
        kind=kind,
        source=_source(path, data),
        format=_format(path, data),
        columns=_columns(path, table.get("columns", {})),
        constants=_texts(path, table.get("constants", {})),
        widths={key: _typed(path, key, value, int) for key, value in table.get("widths", {}).items()},
        only={key: _words(path, key, value) for key, value in table.get("only", {}).items()},
        options={key: _typed(path, key, table[key], options[key]) for key in options if key in table},
    )


def _find(name: str, kind: str) -> Path:
    """A name is looked for in every room; several rooms may know the same system, each its own kinds."""
    if name.endswith(".toml") or "/" in name:
        if Path(name).is_file():
            return Path(name)
        raise UnknownProfile(profile=name, known=", ".join(names(kind)))
    found = [path for path in _shipped() if path.stem == name and kind in _parse(path)]
    if not found:
        raise UnknownProfile(profile=name, known=", ".join(names(kind)))
    return found[0]


def names(kind: str) -> list[str]:
    """The shipped profiles from which this kind of import can be made."""
    return sorted(path.stem for path in _shipped() if kind in _parse(path))


def _shipped() -> list[Path]:
    folders = [Path(config.path) / FOLDER for config in apps.get_app_configs()]
    return [path for folder in folders for path in sorted(folder.glob("*.toml"))]


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise BadProfile(profile=path.name, line=line[1] if line else "?", why=str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadProfile(profile=path.name, line=1, why=str(error)) from error


def _check_keys(path: Path, table: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in table:
        if key not in known:
            place = f"[{where}] " if where else ""
            raise _wrong(path, key, f"{place}unknown key {key!r}; known: {', '.join(sorted(known))}")
    for key, kind in _TABLES.items():
        _typed(path, key, table.get(key, {}), kind)


def _source(path: Path, data: Mapping[str, Any]) -> str:
    source = data.get("source")
    if not isinstance(source, str) or not _SOURCE.fullmatch(source) or source == _OURS:
        raise _wrong(path, "source", "source must be 1 to 32 of a-z 0-9 - _ and not 'hall'")
    return source


def _format(path: Path, data: Mapping[str, Any]) -> Format:
    given: dict[str, Any] = {}
    for item in fields(Format):
        if item.name in data:
            default = item.default
            wanted = list if isinstance(default, tuple) else type(default)
            value = _typed(path, item.name, data[item.name], wanted)
            given[item.name] = _words(path, item.name, value) if wanted is list else value
    result = Format(**given)
    _check_format(path, result)
    return result


def _check_format(path: Path, given: Format) -> None:
    if len(given.delimiter) != 1 or given.delimiter in "\r\n":
        raise _wrong(path, "delimiter", "delimiter must be one character")
    if len(given.quote) > 1 or given.quote == given.delimiter or given.quote in ("\r", "\n"):
        raise _wrong(path, "quote", "quote must be one character other than the delimiter, or empty")
    if given.money not in ("major", "minor"):
        raise _wrong(path, "money", 'money must be "major" (yuan) or "minor" (fen)')
    if given.encoding != encodings.AUTO and not encodings.known(given.encoding):
        raise _wrong(path, "encoding", f"no text encoding is called {given.encoding!r}")
    if not given.dates or any("%" not in text for text in given.dates):
        raise _wrong(path, "dates", "dates must be a list of formats such as %Y-%m-%d")
    if given.skip_lines < 0:
        raise _wrong(path, "skip_lines", "skip_lines must not be negative")


def _columns(path: Path, table: Mapping[str, Any]) -> dict[str, Place]:
    for key, value in table.items():
        is_names = isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value)
        if not is_names and (not isinstance(value, str | int) or isinstance(value, bool)):
            raise _wrong(path, key, f"{key} must be a column's name, several names, or its number")
        if isinstance(value, int) and value < 1:
            raise _wrong(path, key, f"{key}: columns are counted from 1")
    return dict(table)


def _texts(path: Path, table: Mapping[str, Any]) -> dict[str, str]:
    return {key: _typed(path, key, value, str) for key, value in table.items()}


def _words(path: Path, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise _wrong(path, key, f"{key} must be a list of texts")
    return tuple(value)


def _typed(path: Path, key: str, value: Any, kind: type | tuple[type, ...]) -> Any:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise _wrong(path, key, f"{key} must be {' or '.join(one.__name__ for one in kinds)}")
    return value


def _wrong(path: Path, key: str, why: str) -> BadProfile:
    return BadProfile(profile=path.name, line=_line(path, key), why=why)


def _line(path: Path, key: str) -> int:
    """Where the key is set; tomllib does not tell. 1 when it is nowhere."""
    name = re.escape(key)
    wanted = re.compile(rf"^\s*(?:\[+\s*(?:\w+\.)*{name}\b|[\"']?{name}[\"']?\s*[=.])")
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if key and wanted.match(line):
            return number
    return 1
