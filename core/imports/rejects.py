"""What was not taken over, where it stands in the file, and why."""

import csv
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.imports.errors import UnreadableFile

SHOWN_CHARACTERS = 60  # of the offending value
_FORMULA = tuple("=+-@|%")  # what spreadsheets take for the start of a formula or command


@dataclass(frozen=True, slots=True)
class Reason:
    """`code` never changes once published; `text` is for the operator."""

    code: str
    text: str | Promise


@dataclass(frozen=True, slots=True)
class Reject:
    """`line` is the first line of the row as a text editor counts; `column` is the file's own name of it, or ""."""

    line: int
    column: str
    reason: Reason
    value: str = ""
    last_line: int = 0  # 0: the row is one line


class Refused(Exception):
    """A cell (or a row, when no column is named) does not say what it should."""

    def __init__(self, reason: Reason, field: str = "") -> None:
        self.reason = reason
        self.field = field
        super().__init__(reason.code)


MISSING = Reason("MISSING", gettext_lazy("缺少必填内容"))
COLUMNS = Reason("COLUMNS", gettext_lazy("列数与表头不一致"))
BAD_QUOTES = Reason("BAD_QUOTES", gettext_lazy("引号不配对，无法分辨列的边界"))
LINE_TOO_LONG = Reason("LINE_TOO_LONG", gettext_lazy("一行过长"))
UNDECODABLE = Reason("UNDECODABLE", gettext_lazy("含有无法按文件编码解读的字节"))
CONTROL_CHARACTER = Reason("CONTROL_CHARACTER", gettext_lazy("含有控制字符"))
INVISIBLE_CHARACTER = Reason("INVISIBLE_CHARACTER", gettext_lazy("含有零宽或改变书写方向的不可见字符"))
LINE_BREAK = Reason("LINE_BREAK", gettext_lazy("含有换行"))
TOO_LONG = Reason("TOO_LONG", gettext_lazy("内容过长"))
BAD_NUMBER = Reason("BAD_NUMBER", gettext_lazy("编号只能由半角字母、数字和短横等分隔符组成"))
EXCEL_NUMBER = Reason("EXCEL_NUMBER", gettext_lazy("编号已被电子表格改成科学计数或小数"))
LOST_ZEROS = Reason("LOST_ZEROS", gettext_lazy("编号位数不足，前导零可能已被电子表格去掉"))
BAD_AMOUNT = Reason(
    "BAD_AMOUNT", gettext_lazy("金额应写成 26 或 26.00：半角数字，最多两位小数，不带千分位、货币符号或指数")
)
NEGATIVE_AMOUNT = Reason("NEGATIVE_AMOUNT", gettext_lazy("金额为负"))
ZERO_AMOUNT = Reason("ZERO_AMOUNT", gettext_lazy("金额为零"))
BAD_DATE = Reason("BAD_DATE", gettext_lazy("日期不符合配置中的任何一种写法"))
BAD_PERIOD = Reason("BAD_PERIOD", gettext_lazy("账期应写成 2026-11"))
DUPLICATE = Reason("DUPLICATE", gettext_lazy("文件中前面已有同一编号而内容不同的行，以前面的为准"))
CHANGED = Reason("CHANGED", gettext_lazy("此编号以前已导入而内容不同，已导入的保持不变"))
NOT_STORED = Reason("NOT_STORED", gettext_lazy("数据库拒绝了这一行"))


class RejectFile:
    """A CSV that spreadsheets open safely: marked UTF-8, each cell quoted, nothing that starts a formula."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("w", encoding="utf-8-sig", newline="")
        except OSError as error:
            raise UnreadableFile(why=f"{path}: {error.strerror}") from error
        self._writer = csv.writer(self._file, quoting=csv.QUOTE_ALL)
        self._writer.writerow([_("行"), _("末行"), _("列"), _("代码"), _("原因"), _("内容")])

    def write(self, reject: Reject) -> None:
        last = reject.last_line or reject.line
        reason = reject.reason
        self._writer.writerow(
            [
                reject.line,
                last,
                harmless(reject.column),
                reason.code,
                str(reason.text),
                harmless(reject.value),
            ]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def harmless(text: str) -> str:
    """The text on one line, cut to 60 characters, with nothing unseen in it and no formula at its start."""
    seen = "".join(_seen(character) for character in text[: SHOWN_CHARACTERS + 1])
    shown = seen if len(text) <= SHOWN_CHARACTERS else seen[: SHOWN_CHARACTERS - 1] + "…"
    start = unicodedata.normalize("NFKC", re.sub(r"^[\s'\"]+", "", shown))[:1]
    return f"'{shown}" if start in _FORMULA and start else shown


def _seen(character: str) -> str:
    return character if character.isprintable() else " "
