"""What a cell may say. Each maker below returns a function from the cell's text, stripped and not a word for nothing,
to its value; it raises `Refused` for anything that is not exactly that. Nothing is rounded, repaired or guessed."""

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime

from core import money
from core.clock import SHANGHAI
from core.imports import rejects
from core.imports.profiles import Profile
from core.imports.rejects import Refused

Value = str | int | None
Cell = Callable[[str], Value]
Maker = Callable[[Profile, str], Cell]  # given the profile and the field's name

_FEN = re.compile(r"-?[0-9]{1,13}", re.ASCII)
_EXCEL = re.compile(r"[0-9]+(\.[0-9]+)?([eE]\+?[0-9]+)?", re.ASCII)
_PERIOD = re.compile(r"([0-9]{4})[-/.年]?(0[1-9]|1[0-2])月?", re.ASCII)
_MEMORY = 50_000  # different texts of dates that are kept; a file has a few thousand
_EARLIEST, _LATEST = 1900, 2200
_TOUCHING = re.compile(r"%[YmdHMS]%[YmdHMS]")  # no separator: every part must have its full width


def text(longest: int, *, line_breaks: bool = False) -> Maker:
    """Any text that can be seen, as it stands. Line breaks become one space where they are allowed."""

    def make(profile: Profile, name: str) -> Cell:
        def cell(given: str) -> str:
            seen = given if given.isprintable() else _unseen(given, line_breaks)
            if len(seen) > longest:
                raise Refused(rejects.TOO_LONG)
            if "\ufffd" in seen:
                raise Refused(rejects.UNDECODABLE)
            return seen

        return cell

    return make


def _unseen(given: str, line_breaks: bool) -> str:
    """The text with plain spaces, when its unprintable characters are only spaces or allowed line breaks."""
    for character in given:
        kind = unicodedata.category(character)
        if character in "\r\n\u2028\u2029":
            if not line_breaks:
                raise Refused(rejects.LINE_BREAK)
        elif kind == "Cf":
            raise Refused(rejects.INVISIBLE_CHARACTER)
        elif kind in ("Cc", "Cs") and character != "\t":
            raise Refused(rejects.CONTROL_CHARACTER)
    return re.sub(r"[\t\r\n\u2028\u2029]+", " ", given).strip()


def number(longest: int, *, inside: str = "-._/") -> Maker:
    """A number that names something: text, whose leading zeros matter. `inside` are marks allowed between its letters.

    With a width in the profile, a number of digits alone that is shorter has lost its zeros.
    """
    allowed = re.compile(rf"[0-9A-Za-z](?:[0-9A-Za-z{re.escape(inside)}]*[0-9A-Za-z])?", re.ASCII)

    def make(profile: Profile, name: str) -> Cell:
        width = profile.widths.get(name, 0)

        def cell(given: str) -> str:
            if "." in given or "+" in given or not allowed.fullmatch(given):
                _refuse_number(given, allowed)
            if len(given) > longest:
                raise Refused(rejects.TOO_LONG)
            if width and len(given) < width and given.isdigit():
                raise Refused(rejects.LOST_ZEROS)
            return given

        return cell

    return make


def _refuse_number(given: str, allowed: re.Pattern[str]) -> None:
    if _EXCEL.fullmatch(given):
        raise Refused(rejects.EXCEL_NUMBER)
    if not allowed.fullmatch(given):
        raise Refused(rejects.UNDECODABLE if "\ufffd" in given else rejects.BAD_NUMBER)


def amount(*, allow_negative: bool = False, allow_zero: bool = True) -> Maker:
    """Fen, from yuan with at most two decimals or from whole fen, as the profile says."""

    def make(profile: Profile, name: str) -> Cell:
        read = _yuan if profile.format.money == "major" else _fen

        def cell(given: str) -> int:
            cents = read(given)
            if cents < 0 and not allow_negative:
                raise Refused(rejects.NEGATIVE_AMOUNT)
            if not cents and not allow_zero:
                raise Refused(rejects.ZERO_AMOUNT)
            return cents

        return cell

    return make


def _yuan(given: str) -> int:
    try:
        return money.parse_yuan(given, allow_negative=True)
    except money.BadAmount:
        raise Refused(rejects.BAD_AMOUNT) from None


def _fen(given: str) -> int:
    if not _FEN.fullmatch(given) or abs(int(given)) > money.MAX_CENTS:
        raise Refused(rejects.BAD_AMOUNT)
    return int(given)


def day() -> Maker:
    """A date, as ISO text; the time of day, where a format has one, is left out."""
    return _dated(lambda at: _local(at).date().isoformat())


def moment() -> Maker:
    """An instant of local time (Asia/Shanghai), as ISO text with its offset; a bare date is its midnight."""
    return _dated(lambda at: _local(at).isoformat())


def _local(at: datetime) -> datetime:
    return at.astimezone(SHANGHAI) if at.tzinfo else at.replace(tzinfo=SHANGHAI)


def _dated(shape: Callable[[datetime], str]) -> Maker:
    def make(profile: Profile, name: str) -> Cell:
        formats, memory = profile.format.dates, dict[str, str]()

        def cell(given: str) -> str:
            known = memory.get(given)
            if known is None:
                known = shape(_parse(given, formats))
                if len(memory) < _MEMORY:
                    memory[given] = known
            return known

        return cell

    return make


def _parse(given: str, formats: tuple[str, ...]) -> datetime:
    """By the first format that fits exactly. Only ASCII: strptime would take any script's digits."""
    for pattern in formats if given.isascii() else ():
        try:
            at = datetime.strptime(given, pattern)  # noqa: DTZ007  the file's times are local; the caller says so
        except ValueError:
            continue
        if _EARLIEST <= at.year < _LATEST and (
            not _TOUCHING.search(pattern) or at.strftime(pattern) == given
        ):
            return at
    raise Refused(rejects.BAD_DATE)


def period() -> Maker:
    """A month as "2026-11", from that, 202611, 2026/11 or 2026年11月."""

    def cell(given: str) -> str:
        match = _PERIOD.fullmatch(given)
        if match is None:
            raise Refused(rejects.BAD_PERIOD)
        return f"{match[1]}-{match[2]}"

    return lambda profile, name: cell
