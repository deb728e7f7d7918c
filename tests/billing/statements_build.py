"""Statements as the channels write them, made of a few rows; and the money of ours that they are compared with."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from accounts.models import BillingAccount
from billing.models import Payment, StatementDifference
from billing.services.payments import payments
from billing.services.statements import statements
from core import clock
from core.actor import Actor
from core.money import yuan
from tests.billing import build

DAY = date(2026, 10, 3)
MERCHANT = "20880000000000000156"
MCH = "1900000000"
IMPORTED_AT = datetime(2026, 10, 4, 3, 0, tzinfo=UTC)
ACTOR = Actor("test:statements")
ALIPAY_COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,"
    "券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
WECHAT_COLUMNS = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
WECHAT_TOTALS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"


@dataclass(frozen=True)
class Row:
    """One row: a payment, or with `request_no` a refund."""

    trade_no: str
    reference: str
    cents: int = 2600
    request_no: str = ""
    at: str = "10:11:20"  # local time of the file's day, or a whole "2026-10-02 23:59:59"
    status: str = "SUCCESS"  # of a refund, in WeChat's file
    product: str = "基本收视维护费"

    def when(self, day: date) -> str:
        return self.at if " " in self.at else f"{day} {self.at}"


def moment(text: str = "10:11:20", day: date = DAY) -> datetime:
    """The instant at which a row of that time was finished."""
    return datetime.combine(day, time.fromisoformat(text), tzinfo=clock.SHANGHAI)


def alipay_text(rows: Sequence[Row], *, day: date = DAY, merchant: str = MERCHANT) -> str:
    paid = [row for row in rows if not row.request_no]
    back = [row for row in rows if row.request_no]
    lines = [
        "#支付宝业务明细查询",
        f"#账号：[{merchant}]",
        f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{day + timedelta(days=1):%Y年%m月%d日} 00:00:00]",
        "#-----------------------------------------业务明细列表----------------------------------------",
        ALIPAY_COLUMNS,
        *(_alipay_row(row, day) for row in rows),
        "#-----------------------------------------业务明细列表结束------------------------------------",
        f"#交易合计：{len(paid)}笔，商家实收共{yuan(sum(r.cents for r in paid))}元，商家优惠共0.00元",
        f"#退款合计：{len(back)}笔，商家实收退款共{yuan(-sum(r.cents for r in back))}元，商家优惠退款共0.00元",
        "#导出时间：[2026年10月04日 10:05:00]",
    ]
    return "".join(f"{line}\r\n" for line in lines)


def _alipay_row(row: Row, day: date) -> str:
    word, cents = ("退款", -row.cents) if row.request_no else ("交易", row.cents)
    at = row.when(day)
    return (
        f"{row.trade_no}\t,{row.reference}\t,{word},{row.product},{at},{at},,,,,*明(138****0001),"
        f"{yuan(cents)},{yuan(cents)},0.00,0.00,0.00,0.00,0.00,,0.00,0.00,{row.request_no},-0.16,0.00,"
    )


def wechat_text(rows: Sequence[Row], *, day: date = DAY, merchant: str = MCH) -> str:
    paid = sum(row.cents for row in rows if not row.request_no)
    back = sum(row.cents for row in rows if row.request_no)
    fees = f"{len(rows) * 0.006:.5f}"
    totals = [str(len(rows)), yuan(paid), yuan(back), "0.00", fees, yuan(paid), yuan(back)]
    lines = [
        WECHAT_COLUMNS,
        *(_wechat_row(row, day, merchant) for row in rows),
        WECHAT_TOTALS,
        _ticked(totals),
    ]
    return "\ufeff" + "".join(f"{line}\r\n" for line in lines)


def _wechat_row(row: Row, day: date, merchant: str) -> str:
    is_refund = bool(row.request_no)
    paid, back = (0, row.cents) if is_refund else (row.cents, 0)
    refund = ["503", row.request_no] if is_refund else ["0", "0"]
    kinds = ["ORIGINAL", row.status] if is_refund else ["", ""]
    return _ticked(
        [
            row.when(day),
            "wx0000000000000000",
            merchant,
            "0",
            "",
            row.trade_no,
            row.reference,
            "oXXXX",
            "NATIVE",
        ]
        + [
            "REFUND" if is_refund else "SUCCESS",
            "OTHERS",
            "CNY",
            yuan(paid),
            "0.00",
            *refund,
            yuan(back),
            "0.00",
        ]
        + [*kinds, row.product, "", "0.00600", "0.60%", yuan(paid), yuan(back), ""]
    )


def _ticked(cells: Sequence[str]) -> str:
    return ",".join(f"`{cell}" for cell in cells)


def file(
    folder: Path, rows: Sequence[Row], *, gateway: str = "alipay", day: date = DAY, merchant: str = ""
) -> Path:
    """The file as the channel serves it: Alipay's in GBK, WeChat's in UTF-8 with a mark."""
    made = alipay_text if gateway == "alipay" else wechat_text
    text = made(rows, day=day, merchant=merchant) if merchant else made(rows, day=day)
    path = folder / f"{gateway}-{day}-{len(list(folder.iterdir()))}.csv"
    path.write_bytes(text.encode("gb18030" if gateway == "alipay" else "utf-8"))
    return path


def zipped(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / f"{len(list(folder.iterdir()))}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def load(
    folder: Path,
    rows: Sequence[Row],
    *,
    gateway: str = "alipay",
    day: date = DAY,
    merchant: str = "",
    as_of: datetime = IMPORTED_AT,
    new_version: bool = False,
    ask: bool = False,
) -> statements.Imported:
    """These rows are imported as that day's statement."""
    path = file(folder, rows, gateway=gateway, day=day, merchant=merchant)
    return statements.load(
        path=path,
        gateway=gateway,
        as_of=as_of,
        actor=ACTOR,
        day=None if rows else day,
        new_version=new_version,
        ask=ask,
    )


def paid(
    cents: int = 2600,
    *,
    at: datetime | None = None,
    gateway: str = "alipay",
    of: BillingAccount | None = None,
) -> tuple[Payment, Row]:
    """Money of ours that the channel confirmed, and the row that its statement would have for it."""
    when = at or moment()
    payment = unpaid(cents, gateway=gateway, of=of)
    build.apply(payment, build.report(payment, paid_at=when), as_of=when)
    local = when.astimezone(clock.SHANGHAI)
    return payment, Row(f"T{payment.reference}", payment.reference, cents, at=f"{local:%Y-%m-%d %H:%M:%S}")


def unpaid(cents: int = 2600, *, gateway: str = "alipay", of: BillingAccount | None = None) -> Payment:
    """A payment that waits for the channel."""
    as_of = moment("09:00:00")
    started = payments.start(
        account_id=(of or build.account()).pk,
        amount_cents=cents,
        gateway=gateway,
        payer_id=None,
        as_of=as_of,
        actor=ACTOR,
    )
    return payments.sent_to_cashier(payment_id=started.pk, as_of=as_of, actor=ACTOR)


def found(imported: statements.Imported) -> dict[str, dict[str, list[int]]]:
    """The counts without zeroes."""
    return {
        kind: {verdict: cell for verdict, cell in verdicts.items() if cell[0]}
        for kind, verdicts in imported.statement.counts.items()
        if any(cell[0] for cell in verdicts.values())
    }


def differences(**wanted: object) -> list[tuple[str, str, str]]:
    """(verdict, state, trade number) of each difference there is, in order."""
    rows = StatementDifference.objects.filter(**wanted).order_by("id")
    return [(row.verdict, row.state, row.trade_no) for row in rows]
