"""Rows into records: the cells that a profile maps, checked, in the order of the fields; or a reject and its reason."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import gettext as _

from core import joined
from core.imports import rejects
from core.imports.cells import Cell, Maker, Value
from core.imports.errors import BadHeader
from core.imports.profiles import Place, Profile
from core.imports.rejects import Refused, Reject
from core.imports.rows import Row

_UNSEEN_IN_NAMES = str.maketrans("", "", "\ufeff\u200b\u2060")


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a row tells. `default` is its value when the cell is empty and it is not required."""

    name: str
    make: Maker
    is_required: bool = False
    default: Value = ""


class Record(NamedTuple):
    """A checked row: the values in the order of the fields."""

    line: int
    last_line: int
    values: list[Value]


class Skipped(NamedTuple):
    """Nothing to take over: `is_blank` when nothing is written in it, else the profile does not want such rows."""

    is_blank: bool


class _Step(NamedTuple):
    """How one field is got from a row: its place among the values, the column, and what to make of the cell."""

    target: int
    place: int
    cell: Cell
    is_required: bool
    title: str  # what the file calls it


def check_names(fields: Sequence[Field], profile: Profile) -> None:
    """Raises BadProfile for a field that does not exist, is given twice, or is required and not given."""
    known = {item.name for item in fields}
    for table in (profile.columns, profile.constants, profile.widths):
        for name in table:
            if name not in known:
                raise profile.wrong(name, f"unknown field {name!r}; known: {', '.join(sorted(known))}")
    for name in profile.constants:
        if name in profile.columns:
            raise profile.wrong(name, f"{name} is given both as a column and as a constant")
    for item in fields:
        if item.is_required and item.name not in profile.columns and item.name not in profile.constants:
            raise profile.wrong(profile.kind, f"{item.name} needs a column or a constant")


class Parser:
    """Bound to one file's header. `finish` may look at the values of a row together, fill in and refuse."""

    def __init__(
        self,
        fields: Sequence[Field],
        profile: Profile,
        header: Sequence[str] | None,
        finish: Callable[[list[Value]], None] | None = None,
    ) -> None:
        self._header = [name.translate(_UNSEEN_IN_NAMES).strip() for name in header or ()]
        self._width = len(self._header)  # 0: as wide as the first row
        self._nulls = frozenset(word.lower() for word in profile.format.nulls)
        self._longest_null = max(map(len, self._nulls), default=0)
        self._comment = profile.format.comment
        self._finish = finish
        self._values: list[Value] = [item.default for item in fields]  # of a row whose cells are all empty
        self._steps: list[_Step] = []
        self._titles: dict[str, str] = {}
        for target, item in enumerate(fields):
            self._bind(target, item, profile)
        self._only = [(self._place(name), frozenset(words)) for name, words in profile.only.items()]
        self._least_width = 1 + max((step.place for step in self._steps), default=0)
        self._check_places(profile.columns)

    def parse(self, row: Row) -> Record | Reject | Skipped:
        cells = row.cells
        if not any(map(str.strip, cells)):
            return Skipped(is_blank=True)
        if self._comment and cells[0].startswith(self._comment):
            return Skipped(is_blank=False)
        if len(cells) != self._width:
            if self._width or len(cells) < self._least_width:
                return self._reject(row, "", rejects.COLUMNS, str(len(cells)))
            self._width = len(cells)
        if any(cells[place].strip() not in words for place, words in self._only):
            return Skipped(is_blank=False)
        return self._record(row)

    def title(self, field: str) -> str:
        """What the file calls a field; the field's own name when the file does not have it."""
        return self._titles.get(field, field)

    def _record(self, row: Row) -> Record | Reject:
        values, cells, nulls, longest = self._values.copy(), row.cells, self._nulls, self._longest_null
        for target, place, cell, is_required, title in self._steps:
            text = cells[place].strip()
            if len(text) <= longest and text.lower() in nulls:
                if is_required:
                    return self._reject(row, title, rejects.MISSING, text)
                continue
            try:
                values[target] = cell(text)
            except Refused as refused:
                return self._reject(row, title, refused.reason, text)
        if self._finish is not None:
            try:
                self._finish(values)
            except Refused as refused:
                return self._reject(row, self.title(refused.field), refused.reason, "")
        return Record(row.line, row.last_line, values)

    def _reject(self, row: Row, column: str, reason: rejects.Reason, value: str) -> Reject:
        return Reject(row.line, column, reason, value, row.last_line)

    def _bind(self, target: int, item: Field, profile: Profile) -> None:
        cell = item.make(profile, item.name)
        if item.name in profile.columns:
            place, title = self._find(profile.columns[item.name])
            self._steps.append(_Step(target, place, cell, item.is_required, title))
            self._titles[item.name] = title
        elif text := profile.constants.get(item.name, ""):
            try:
                self._values[target] = cell(text)
            except Refused as refused:
                raise profile.wrong(item.name, f"{item.name} = {text!r}: {refused.reason.text}") from refused

    def _find(self, place: Place) -> tuple[int, str]:
        if isinstance(place, int):
            return place - 1, str(place)
        names = [place] if isinstance(place, str) else place
        there = [name for name in names if name in self._header]
        name = there[0] if there else names[0]
        return self._place(name), name

    def _place(self, name: str) -> int:
        if self._header.count(name) == 1:
            return self._header.index(name)
        why = _("缺少列“%(name)s”") if name not in self._header else _("列“%(name)s”出现了不止一次")
        raise BadHeader(why=why % {"name": name}, found=joined.words(self._header)[:500])

    def _check_places(self, columns: Mapping[str, Place]) -> None:
        highest = max((place for place in columns.values() if isinstance(place, int)), default=0)
        if self._header and highest > len(self._header):
            raise BadHeader(
                why=_("没有第 %(place)s 列") % {"place": highest}, found=joined.words(self._header)[:500]
            )
