"""What the cells of a statement may say. Each table below remembers what it has read: a file repeats itself a lot."""

import re
from collections.abc import Callable
from datetime import date
from typing import TypeVar

from django.utils.translation import gettext as _

from billing.statements.base import LineKind
from core import money

V = TypeVar("V")
UNITS = 1_000  # of a fen: fees have up to five decimals of a yuan
_AMOUNT = re.compile(r"(-?)([0-9]{1,9})(?:\.([0-9]{1,5}))?", re.ASCII)
_CLOCK = re.compile(r" ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_REMEMBERED = 100_000  # texts
_MOST_DAYS = 62  # a statement of a day whose lines lie on more days is none


class BadCell(ValueError):
    """The text is not what its column holds; says so in the reader's language."""


def miscounted(found: int, wanted: int) -> BadCell:
    return BadCell(_("有 %(found)s 列，应为 %(wanted)s 列") % {"found": found, "wanted": wanted})


def impossible() -> BadCell:
    return BadCell(_("币种、金额正负或编号长度不对"))


class Memo(dict[str, V]):
    """`memo[text]` is `read(text)`, read once."""

    def __init__(self, read: Callable[[str], V]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> V:
        value = self._read(text)
        if len(self) < _REMEMBERED:
            self[text] = value
        return value


def units(text: str) -> int:
    """Yuan with up to five decimals, in thousandths of a fen; empty is nothing."""
    stripped = text.strip()
    if not stripped:
        return 0
    match = _AMOUNT.fullmatch(stripped)
    if match is None:
        raise BadCell(_("金额“%(text)s”") % {"text": stripped[:40]})
    value = int(match[2]) * 100 * UNITS + int((match[3] or "0").ljust(5, "0"))
    if value > money.MAX_CENTS * UNITS:
        raise BadCell(_("金额“%(text)s”") % {"text": stripped[:40]})
    return -value if match[1] else value


def cents(text: str) -> int:
    """Yuan with no part of a fen, in fen."""
    whole, rest = divmod(units(text), UNITS)
    if rest:
        raise BadCell(_("金额“%(text)s”") % {"text": text.strip()[:40]})
    return whole


def clock(text: str) -> str:
    """ " 10:11:20" (full-width colons too) as the end of an ISO time of Beijing."""
    plain = text.replace("：", ":").rstrip()
    if not _CLOCK.fullmatch(plain):
        raise BadCell(_("时间“%(text)s”") % {"text": text.strip()[:40]})
    return f"T{plain[1:]}+08:00"


class Days(Memo[str]):
    """`days["2026-10-03"]` is the same text, checked; the keys are the days that were met."""

    def __init__(self) -> None:
        super().__init__(self._check)

    def _check(self, text: str) -> str:
        if len(self) >= _MOST_DAYS:
            raise BadCell(_("涉及的日期太多"))
        try:
            if _DAY.fullmatch(text):
                return date.fromisoformat(text).isoformat()
        except ValueError:
            pass
        raise BadCell(_("日期“%(text)s”") % {"text": text[:40]})

    def met(self) -> tuple[date, ...]:
        return tuple(sorted(date.fromisoformat(text) for text in self))


def kinds(known: dict[str, LineKind]) -> Memo[LineKind]:
    """The kind that a cell's word stands for."""

    def read(text: str) -> LineKind:
        try:
            return known[text.strip()]
        except KeyError:
            raise BadCell(_("类型“%(text)s”") % {"text": text.strip()[:40]}) from None

    return Memo(read)
