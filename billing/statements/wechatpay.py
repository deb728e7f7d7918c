"""WeChat Pay's trade bill in every layout: ALL, SUCCESS and REFUND, of today and of before. Columns go by name.

Each cell of a row begins with a back-tick and none is quoted, so rows are cut at comma and back-tick: a product's name
may hold a comma.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from operator import itemgetter

from django.utils.translation import gettext as _

from billing.statements import cells
from billing.statements.base import (
    BadRow,
    Coverage,
    CutOff,
    Line,
    LineKind,
    MixedMerchants,
    Summary,
    Totals,
    TotalsDiffer,
    UnknownLayout,
)
from billing.statements.cells import UNITS, BadCell, Days, Memo
from core import money

_KINDS = {"SUCCESS": LineKind.PAYMENT, "REFUND": LineKind.REFUND, "REVOKED": LineKind.REFUND}
_NEEDED = (
    "交易时间",
    "公众账号ID",
    "商户号",
    "微信订单号",
    "商户订单号",
    "交易状态",
    "货币种类",
    "商品名称",
    "手续费",
)
_PAID = (
    "订单金额",
    "总金额",
    "应结订单金额",
)  # the first that is there: today's name, the old one, less coupons
_REFUNDED = ("申请退款金额", "退款金额")
_REQUEST, _REFUND_STATUS, _REFUNDED_AT = "商户退款单号", "退款状态", "退款成功时间"
_COUNT = "总交易单数"
_SUMMED = {  # name in the totals: the column that it sums
    "应结订单总金额": "应结订单金额",
    "退款总金额": "退款金额",
    "充值券退款总金额": "充值券退款金额",
    "手续费总金额": "手续费",
    "订单总金额": "订单金额",
    "申请退款总金额": "申请退款金额",
    "总交易额": "总金额",
    "总退款金额": "退款金额",
    "总代金券或立减优惠退款金额": "代金券或立减优惠退款金额",
    "总企业红包退款金额": "企业红包退款金额",
}


class WeChatReader:
    """Iterate once over the lines; `summary` is known afterwards. Raises the errors of `base`."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = enumerate(lines, start=1)
        self._days = Days()
        self._merchant = ""
        self._totals: Totals | None = None
        self._columns = self._read_columns()
        self._amounts = Memo(cells.units)

    @property
    def summary(self) -> Summary:
        if self._totals is None:
            raise ValueError("the lines have not been read to the end")
        return Summary(self._merchant, None, self._days.met(), self._coverage(), self._totals)

    def __iter__(self) -> Iterator[Line]:
        columns, amounts = self._columns, self._amounts
        width, summed = len(columns), {name: columns[name] for name in _SUMMED.values() if name in columns}
        sums, places = [0] * len(summed), tuple(enumerate(summed.values()))
        paid, back, refund = [0, 0], [0, 0], LineKind.REFUND  # rows, fen
        make = self._maker()
        number, text = 1, ""
        try:
            for number, text in self._lines:
                if text[:1] != "`":
                    break
                row = text[1:].split(",`")
                if len(row) != width:
                    raise cells.miscounted(len(row), width)
                line = make(number, row)
                count = back if line.kind is refund else paid
                count[0] += 1
                count[1] += line.amount_cents
                for place, index in places:
                    if (cell := row[index]) != "0.00":
                        sums[place] += amounts[cell]
                yield line
            else:
                raise CutOff()
            counted = dict(zip(summed, sums, strict=True))
            self._check_totals(text, paid[0] + back[0], counted)
        except BadCell as error:
            raise BadRow(row=number, why=str(error)) from error
        fees = money.round_half_up(Fraction(counted["手续费"], UNITS))
        self._totals = Totals(paid[0], paid[1], back[0], back[1], fees)

    def _maker(self) -> Callable[[int, list[str]], Line]:
        """A function from a row's number and cells to its line, with all look-ups done beforehand."""
        columns, days = self._columns, self._days
        kinds, fens, clocks = cells.kinds(_KINDS), Memo(cells.cents), Memo(cells.clock)
        refund_kind = LineKind.REFUND
        fees = Memo(lambda text: money.round_half_up(Fraction(cells.units(text), UNITS)))
        pick = itemgetter(*(columns[name] for name in _NEEDED))
        paid = next(columns[name] for name in _PAID if name in columns)
        refund = self._refund_picker()

        def make(number: int, row: list[str]) -> Line:
            at, app_id, merchant, trade_no, reference, status, currency, product, fee = pick(row)
            if merchant != self._merchant:
                self._meet(merchant, number)
            kind, amount, request_no = kinds[status], row[paid], ""
            if kind is refund_kind:
                amount, request_no, status, at = refund(row, status, at)
            cents = fens[amount]
            if currency != "CNY" or cents < 0 or not trade_no or len(trade_no) > 64:
                raise cells.impossible()
            if len(reference) > 64 or len(request_no) > 64 or len(status) > 32 or len(app_id) > 64:
                raise cells.impossible()
            finished_at = days[at[:10]] + clocks[at[10:]]
            return Line(
                number,
                kind,
                trade_no,
                reference,
                request_no,
                cents,
                fees[fee],
                finished_at,
                status,
                app_id,
                product[:128],
            )

        return make

    def _refund_picker(self) -> Callable[[list[str], str, str], tuple[str, str, str, str]]:
        """From a refund's row: amount, our number, status, time; the payment's where the layout has no other."""
        columns = self._columns
        amount = next((columns[name] for name in _REFUNDED if name in columns), None)
        request, status, refunded_at = (
            columns.get(name) for name in (_REQUEST, _REFUND_STATUS, _REFUNDED_AT)
        )

        def pick(row: list[str], paid_status: str, at: str) -> tuple[str, str, str, str]:
            if amount is None or request is None:
                raise BadCell(_("这种账单没有退款列"))
            told = row[status] if status is not None else ""
            when = row[refunded_at] if refunded_at is not None else ""
            return row[amount], row[request], told or paid_status, when or at

        return pick

    def _read_columns(self) -> dict[str, int]:
        """Where each column is, by name."""
        names = [name.strip(" \t`") for name in next(self._lines, (0, ""))[1].split(",")]
        absent = [name for name in _NEEDED if names.count(name) != 1]
        if not any(name in names for name in _PAID):
            absent.append(_PAID[0])
        absent += sorted({name for name in names if names.count(name) > 1})
        if absent:
            raise UnknownLayout(why=_("缺少列 %(names)s") % {"names": ", ".join(absent)})
        return {name: index for index, name in enumerate(names)}

    def _coverage(self) -> Coverage:
        if _REQUEST not in self._columns:
            return Coverage.PAYMENTS
        return Coverage.REFUNDS if _REFUNDED_AT in self._columns else Coverage.ALL

    def _meet(self, merchant: str, row: int) -> None:
        """The first row tells whose statement this is; all others must agree."""
        if self._merchant or not merchant or len(merchant) > 32:
            raise MixedMerchants(row=row, found=merchant[:40])
        self._merchant = merchant

    def _check_totals(self, heading: str, rows: int, counted: dict[str, int]) -> None:
        """The last two lines are names and figures; the figures are those of the rows."""
        names = [name.strip(" \t`") for name in heading.split(",")]
        _number, text = next(self._lines, (0, ""))
        figures = [figure.strip(" \t") for figure in text.removeprefix("`").split(",`")]
        if _COUNT not in names or len(names) != len(figures):
            raise CutOff()
        for number, more in self._lines:
            if more.strip():
                raise BadRow(row=number, why=_("合计之后还有内容"))
        said = dict(zip(names, figures, strict=True))
        if said[_COUNT] != str(rows):
            raise TotalsDiffer(what=_COUNT, said=said[_COUNT], counted=rows)
        for name in said.keys() & _SUMMED.keys():
            written, found = cells.units(said[name]), counted.get(_SUMMED[name], 0)
            if written != found:
                raise TotalsDiffer(what=name, said=said[name], counted=f"{found / UNITS / 100:.5f}")
