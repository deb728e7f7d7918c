"""Alipay's 业务明细: lines of `#` around a table whose ids end in a tab. A row is a payment or a refund, both final."""

import csv
import re
from collections.abc import Iterator
from datetime import date
from operator import itemgetter

from django.utils.translation import gettext as _

from billing.statements import cells
from billing.statements.base import (
    BadRow,
    Coverage,
    CutOff,
    Line,
    LineKind,
    NotOneDay,
    Summary,
    Totals,
    TotalsDiffer,
    UnknownLayout,
)
from billing.statements.cells import BadCell, Days, Memo
from core import money

_NEEDED = (
    *("支付宝交易号", "商户订单号", "业务类型", "商品名称", "完成时间"),
    *("订单金额（元）", "商家实收（元）", "商家优惠（元）", "退款批次号/请求号", "服务费（元）"),
)
_KINDS = {"交易": LineKind.PAYMENT, "退款": LineKind.REFUND}
_DONE = "SUCCESS"  # the file holds nothing else and says no word for it
_MOST_HEAD_LINES = 20
_ACCOUNT = re.compile(r"#账号[：:]\[([0-9]{1,32})\]", re.ASCII)
_DATE = r"([0-9]+)年([0-9]+)月([0-9]+)日 00:00:00"
_PERIOD = re.compile(rf"#起始日期[：:]\[{_DATE}\]\s*终止日期[：:]\[{_DATE}\]")
_SUMS = r"合计[：:]([0-9]+)笔[，,]商家实收(?:退款)?共(-?[0-9.]+)元[，,]商家优惠(?:退款)?共(-?[0-9.]+)元"
_TOTALS = {"交易": re.compile(f"#交易{_SUMS}"), "退款": re.compile(f"#退款{_SUMS}")}
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_HALF_WIDTH = str.maketrans({"(": "（", ")": "）"})
_Sums = dict[str, list[int]]  # per word of `_KINDS`: rows, received, discount


class AlipayReader:
    """Iterate once over the lines; `summary` is known afterwards. Raises the errors of `base`."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = enumerate(lines, start=1)
        self._days = Days()
        self._totals: Totals | None = None
        self._merchant, self._day = "", date.min
        self._columns = self._read_head()

    @property
    def summary(self) -> Summary:
        if self._totals is None:
            raise ValueError("the lines have not been read to the end")
        return Summary(self._merchant, self._day, self._days.met(), Coverage.ALL, self._totals)

    def __iter__(self) -> Iterator[Line]:
        width, pick = len(self._columns), itemgetter(*(self._columns.index(name) for name in _NEEDED))
        kinds, amounts, clocks, days = cells.kinds(_KINDS), Memo(cells.cents), Memo(cells.clock), self._days
        paid, back = [0, 0, 0, 0], [0, 0, 0, 0]  # rows, order, received, discount
        fees, number, refund = 0, 0, LineKind.REFUND
        try:
            for number, text in self._lines:
                if text[:1] == "#":
                    break
                row = text.split(",")
                if len(row) != width:
                    row = self._realign(text)
                trade_no, reference, word, product, at, order, received, discount, request_no, fee = pick(row)
                kind = kinds[word]
                amount, fee_cents = amounts[order], amounts[fee]
                count = back if kind is refund else paid
                count[0] += 1
                count[1] += amount
                count[2] += amounts[received]
                count[3] += amounts[discount]
                fees += fee_cents
                if kind is refund:
                    amount = -amount
                    request_no = request_no.strip()
                else:
                    request_no = ""
                trade_no, reference = trade_no.strip(), reference.strip()
                if (
                    amount < 0
                    or not trade_no
                    or len(trade_no) > 64
                    or len(reference) > 64
                    or len(request_no) > 64
                ):
                    raise cells.impossible()
                at = days[at[:10]] + clocks[at[10:]]
                yield Line(
                    number,
                    kind,
                    trade_no,
                    reference,
                    request_no,
                    amount,
                    fee_cents,
                    at,
                    _DONE,
                    "",
                    product.strip()[:128],
                )
            else:
                raise CutOff()
        except BadCell as error:
            raise BadRow(row=number, why=str(error)) from error
        self._finish(text, {LineKind.PAYMENT: paid, refund: back}, fees)

    def _read_head(self) -> list[str]:
        found_day = False
        for number, text in self._lines:
            if not text.startswith("#"):
                break
            if match := _ACCOUNT.match(text):
                self._merchant = match[1]
            if match := _PERIOD.match(text):
                self._day, found_day = _one_day(match), True
            if number > _MOST_HEAD_LINES:
                raise UnknownLayout(why=_("没有列名"))
        else:
            raise CutOff()
        if not self._merchant or not found_day:
            raise UnknownLayout(why=_("开头没有账号或期间"))
        columns = [name.strip().translate(_HALF_WIDTH) for name in text.split(",")]
        absent = [name for name in _NEEDED if columns.count(name) != 1]
        if absent:
            raise UnknownLayout(why=_("缺少列 %(names)s") % {"names": ", ".join(absent)})
        return columns

    def _realign(self, text: str) -> list[str]:
        """A row whose texts hold commas or quotation marks: the product ends where the two times begin."""
        width = len(self._columns)
        row = next(csv.reader([text])) if '"' in text else text.split(",")
        extra = len(row) - width
        if extra <= 0:
            if extra < 0:
                raise cells.miscounted(len(row), width)
            return row
        start = self._columns.index("商品名称")
        first_time = min(
            self._columns.index(name) for name in ("创建时间", "完成时间") if name in self._columns
        )
        moved = next(
            (n for n in range(extra + 1) if _TIME.match(row[min(first_time + n, len(row) - 1)])), None
        )
        if moved is None:
            raise cells.miscounted(len(row), width)
        row[start : start + moved + 1] = [",".join(row[start : start + moved + 1])]
        return [*row[: width - 1], ",".join(row[width - 1 :])]  # the remark is last

    def _finish(self, end: str, counts: dict[LineKind, list[int]], fees: int) -> None:
        """The totals in the lines after the table are those of the rows."""
        said: _Sums = {}
        if "列表结束" not in end:
            raise CutOff()
        for number, text in self._lines:
            if text.strip() and not text.startswith("#"):
                raise BadRow(row=number, why=_("合计之后还有内容"))
            for word, pattern in _TOTALS.items():
                if match := pattern.match(text):
                    said[word] = _sums(match, number)
        for word, kind in _KINDS.items():
            rows, _order, received, discount = counts[kind]
            _compare(word, said.get(word), [rows, received, discount])
        paid, back = counts[LineKind.PAYMENT], counts[LineKind.REFUND]
        self._totals = Totals(paid[0], paid[1], back[0], -back[1], fees)


def _sums(match: re.Match[str], row: int) -> list[int]:
    try:
        return [int(match[1]), cells.cents(match[2]), cells.cents(match[3])]
    except ValueError as error:  # BadCell, or more digits than a number has
        raise BadRow(row=row, why=str(error)) from error


def _compare(word: str, said: list[int] | None, counted: list[int]) -> None:
    if said is None:
        if word == "交易" or counted[0]:
            raise CutOff()
        return
    for what, written, found in zip(("笔数", "商家实收", "商家优惠"), said, counted, strict=True):
        if written != found:
            show = str if what == "笔数" else money.yuan
            raise TotalsDiffer(what=f"{word}{what}", said=show(written), counted=show(found))


def _one_day(match: re.Match[str]) -> date:
    numbers = [int(number) for number in match.groups()]
    try:
        first, last = date(*numbers[:3]), date(*numbers[3:])
    except ValueError as error:
        raise UnknownLayout(why=_("开头没有账号或期间")) from error
    if (last - first).days != 1:
        raise NotOneDay(period=f"{first} – {last}")
    return first
