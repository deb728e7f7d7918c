"""What a statement says, whatever channel wrote it, and why one is refused.

Amounts are whole fen and never negative; times are ISO 8601 with their offset (the channels write Beijing time).
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from core.errors import HallError


class LineKind(StrEnum):
    PAYMENT = "PAYMENT"
    REFUND = "REFUND"


class Coverage(StrEnum):
    """Which lines a file of this kind would hold; absence of others says nothing."""

    ALL = "ALL"
    PAYMENTS = "PAYMENTS"
    REFUNDS = "REFUNDS"


class Line(NamedTuple):
    """One row of a statement. A tuple, because a million are made at a time."""

    row_number: int  # of the file, from 1, heading lines included
    kind: LineKind
    trade_no: str  # the channel's number of the payment, for refunds too
    reference: str  # our number of the payment
    request_no: str  # our number of the refund; "" for payments
    amount_cents: int  # of the order (or of this refund), coupons included
    fee_cents: int  # as the file writes it: what a plus means differs by channel
    finished_at: str  # ISO with offset
    status: str  # in the channel's words
    app_id: str  # "" where the file does not tell
    product: str


@dataclass(frozen=True, slots=True)
class Totals:
    """What the rows sum to. The file's own totals have been found to say the same."""

    payments: int = 0
    payment_cents: int = 0
    refunds: int = 0
    refund_cents: int = 0
    fee_cents: int = 0  # rounded once, half up: fees have up to five decimals

    @property
    def lines(self) -> int:
        return self.payments + self.refunds


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known of a statement when its last line has been read."""

    merchant: str  # whose money it is about; "" when an empty file does not tell
    day: date | None  # the day that the file states; None: it states none
    days: tuple[date, ...]  # the local days on which its lines were finished, rising
    coverage: Coverage
    totals: Totals


class StatementError(HallError):
    """A file that cannot be taken as a statement. Nothing of it was imported."""

    code = "STATEMENT_ERROR"


class UnreadableStatement(StatementError):
    code = "STATEMENT_UNREADABLE"
    message = _("对账单文件无法读取：%(why)s")


class StatementTooLarge(StatementError):
    code = "STATEMENT_TOO_LARGE"
    message = _("对账单解压后过大或压缩比异常（上限 %(limit)s 字节），未导入任何数据")


class EncryptedStatement(StatementError):
    code = "STATEMENT_ENCRYPTED"
    message = _("压缩包有密码，请解密后再导入")


class UnknownLayout(StatementError):
    code = "STATEMENT_UNKNOWN_LAYOUT"
    message = _("这不是已知格式的对账单：%(why)s")


class OtherChannel(StatementError):
    code = "STATEMENT_OTHER_CHANNEL"
    message = _("这是 %(found)s 的对账单，不是 %(asked)s 的")


class FundFlow(StatementError):
    """Movements of the channel's own account: they name neither states nor our refund numbers."""

    code = "STATEMENT_FUND_FLOW"
    message = _("这是资金账单（账务明细），没有订单状态，不能逐笔对账；请下载交易账单（业务明细）")


class SummaryOnly(StatementError):
    code = "STATEMENT_SUMMARY_ONLY"
    message = _("这是汇总账单，没有逐笔明细；请下载业务明细")


class SeveralStatements(StatementError):
    code = "STATEMENT_SEVERAL"
    message = _("压缩包里有 %(count)s 份明细，请逐份导入")


class BadRow(StatementError):
    code = "STATEMENT_BAD_ROW"
    message = _("第 %(row)s 行无法识别：%(why)s。未导入任何数据")


class CutOff(StatementError):
    code = "STATEMENT_CUT_OFF"
    message = _("文件不完整：缺少末尾的合计。未导入任何数据")


class TotalsDiffer(StatementError):
    code = "STATEMENT_TOTALS_DIFFER"
    message = _("合计与明细不符（%(what)s：文件写 %(said)s，实际 %(counted)s）。未导入任何数据")


class MixedMerchants(StatementError):
    code = "STATEMENT_MIXED_MERCHANTS"
    message = _("第 %(row)s 行属于另一个商户号（%(found)s），一份对账单只能属于一个商户")


class NotOneDay(StatementError):
    code = "STATEMENT_NOT_ONE_DAY"
    message = _("对账单的期间不是一天（%(period)s），请下载日账单")
