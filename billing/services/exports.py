"""Writing lists as CSV and XLSX, so that opening them does no harm: a text is never taken for a formula."""

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import IO, Any

import xlsxwriter
from django.core.cache import cache
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from billing.selectors import exports
from billing.selectors.exports import Cell, Row, Wanted
from core.errors import HallError, TooManyRequests

LISTS_AN_HOUR = 20  # by one user
MOST_XLSX_ROWS = 1_000_000  # a sheet holds 1,048,576
_AT_ONCE = 500  # rows sent at a time
_BOM = "\ufeff"  # without it Excel takes UTF-8 for the machine's own encoding
# What begins a formula, in ASCII or full width, behind anything that a spreadsheet skips or a reader does not see.
_FORMULA = re.compile(r'[\s\ufeff\u200b-\u200f\u2028-\u202e\u2060"]*[=+\-@|＝＋－＠｜]|[\t\r\n]')
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)


class TooManyLists(TooManyRequests):
    code = "TOO_MANY_LISTS"
    message = _("下载太频繁，请一小时后再试")


class ListTooLong(HallError):
    code = "LIST_TOO_LONG"
    message = _("内容超过 Excel 一张表的行数，请缩短时间段，或选择 CSV")


def count_one(user_id: int, *, as_of: datetime) -> None:
    """One more list in this hour; raises TooManyLists above the limit.

    Two requests of the same moment may count as one: accepted, the limit is against mass copying, not an exact quota.
    """
    key = f"billing.exports:{user_id}:{as_of:%Y%m%d%H}"
    cache.add(key, 0, timeout=3_700)
    if cache.incr(key) > LISTS_AN_HOUR:
        raise TooManyLists()


def as_csv(wanted: Wanted, *, language: str) -> Iterator[bytes]:
    """The list as UTF-8 CSV with a byte order mark, a piece at a time. Texts are quoted, numbers are not."""
    with translation.override(language):
        heading: list[Row] = [list(exports.head(wanted.content))]
    yield (_BOM + _lines(heading)).encode()
    found = exports.rows(wanted)
    while piece := _next_lines(found, language):
        yield piece.encode()


def as_xlsx(wanted: Wanted, *, language: str) -> IO[bytes]:
    """The list as a workbook in a temporary file that is gone once it is closed. Raises ListTooLong."""
    with ExitStack() as unless_done:
        file = unless_done.enter_context(tempfile.TemporaryFile(suffix=".xlsx"))
        with translation.override(language):
            _write_sheet(file, exports.head(wanted.content), exports.rows(wanted))
        file.seek(0)
        unless_done.pop_all()
    return file


def harmless(text: str) -> str:
    """The text as a cell of a CSV that no spreadsheet takes for a formula: behind an apostrophe where it might.

    Plain numbers such as -5 and +8613800000000 stay as they are.
    """
    if _NUMBER.fullmatch(text) or not _FORMULA.match(text):
        return text
    return f"'{text}"


def _next_lines(rows: Iterator[Row], language: str) -> str:
    """The next rows as CSV; "" after the last. The language is active only while they are made."""
    with translation.override(language):
        return _lines(islice(rows, _AT_ONCE))


def _lines(rows: Iterable[Row]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_NONNUMERIC).writerows([_plain(cell) for cell in row] for row in rows)
    return out.getvalue()


def _plain(cell: Cell) -> str | Decimal:
    if isinstance(cell, Decimal):
        return cell
    if isinstance(cell, date):
        return cell.isoformat()
    return harmless(cell or "")


def _write_sheet(file: IO[bytes], heading: Sequence[str], rows: Iterable[Row]) -> None:
    """Strings are written as strings: XLSX has a type for each cell, so nothing needs to be disarmed."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet()
        money, day = book.add_format({"num_format": "0.00"}), book.add_format({"num_format": "yyyy-mm-dd"})
        bold = book.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(heading) - 1, 18)
        for column, name in enumerate(heading):
            sheet.write_string(0, column, name, bold)
        for number, row in enumerate(rows, start=1):
            if number > MOST_XLSX_ROWS:
                raise ListTooLong()
            for column, cell in enumerate(row):
                _write(sheet, number, column, cell, money=money, day=day)


def _write(sheet: Any, row: int, column: int, cell: Cell, *, money: Any, day: Any) -> None:
    if isinstance(cell, Decimal):
        sheet.write_number(row, column, cell, money)
    elif isinstance(cell, date):
        sheet.write_datetime(row, column, datetime(cell.year, cell.month, cell.day), day)  # noqa: DTZ001
    elif cell:
        sheet.write_string(row, column, cell)
