"""A channel's statement of one day, made up: a payment a line, and now and then a refund.

What a line says follows from its number alone, so that files and books agree without either having been read.
"""

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

EVERY = 99  # one payment in so many is refunded in part, on the line after it
REFUND_CENTS = 500
MERCHANTS = {"alipay": "2088000000000001", "wechatpay": "1900000001"}
PREFIXES = {"alipay": "HA", "wechatpay": "HW"}  # of our references

_ALIPAY_COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,"
    "券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
_WECHAT_COLUMNS = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,"
    "货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,"
    "商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
_WECHAT_TOTALS = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)


def write(folder: Path, *, gateway: str, day: date, payments: int, version: int) -> Path:
    """The file as the channel serves it: Alipay a zip of GBK, WeChat Pay plain UTF-8 with a mark before it.

    `version` makes it another file of the same day, with the same amounts.
    """
    product = f"有线电视费{version}"
    if gateway == "wechatpay":
        path = folder / "tradebill.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as out:
            out.writelines(f"{line}\r\n" for line in _wechat(day, payments, product))
        return path
    path = folder / "bill.csv.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("bill.csv", "w", force_zip64=True) as member,
    ):
        for line in _alipay(day, payments, product):
            member.write(f"{line}\r\n".encode("gbk"))
    return path


def lines(payments: int) -> int:
    """How many lines the file of so many payments has."""
    return payments + refunds(payments)


def refunds(payments: int) -> int:
    """How many of so many payments are refunded."""
    return -(-payments // EVERY)


def cents(number: int) -> int:
    """The amount of payment `number`."""
    return 1_000 + number * 7_919 % 9_000


def _alipay(day: date, payments: int, product: str) -> Iterator[str]:
    until = day + timedelta(days=1)
    yield "#支付宝业务明细查询"
    yield f"#账号：[{MERCHANTS['alipay']}]"
    yield f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{until:%Y年%m月%d日} 00:00:00]"
    yield "#-----------------------------------------业务明细列表----------------------------------------"
    yield _ALIPAY_COLUMNS
    for number, at in enumerate(_times(day, payments)):
        head, middle = (
            f"{number:028d}\t,HA{number:012d}\t,",
            f",{product},{at},{at},\t,\t,\t,\t,*三(138***0001)\t,",
        )
        paid = _yuan(cents(number))
        yield f"{head}交易{middle}{paid},{paid},0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,\t,0.00,0.00,"
        if number % EVERY == 0:
            back = f"-{_yuan(REFUND_CENTS)}"
            request = f"RFHA{number:012d}"
            yield f"{head}退款{middle}{back},{back},0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,{request}\t,0.00,0.00,"
    yield "#-----------------------------------------业务明细列表结束------------------------------------"
    paid, back = _sums(payments)
    yield f"#交易合计：{payments}笔，商家实收共{paid}元，商家优惠共0.00元"
    yield f"#退款合计：{refunds(payments)}笔，商家实收退款共-{back}元，商家优惠退款共0.00元"
    yield f"#导出时间：[{until:%Y年%m月%d日} 05:46:49]"


def _wechat(day: date, payments: int, product: str) -> Iterator[str]:
    yield _WECHAT_COLUMNS
    who = f"`wx0000000000000001,`{MERCHANTS['wechatpay']},`0,`"
    for number, at in enumerate(_times(day, payments)):
        head = f"`{at},{who},`{number:028d},`HW{number:012d},`oBENCH0000000000000000000001,`NATIVE,`"
        paid = _yuan(cents(number))
        yield (
            f"{head}SUCCESS,`OTHERS,`CNY,`{paid},`0.00,`0,`0,`0.00,`0.00,`,`,`{product},`,`0.00000,`0.60%,"
            f"`{paid},`0.00,`"
        )
        if number % EVERY == 0:
            back = _yuan(REFUND_CENTS)
            yield (
                f"{head}REFUND,`OTHERS,`CNY,`0.00,`0.00,`{number:028d},`RFHW{number:012d},`{back},`0.00,`ORIGINAL,"
                f"`SUCCESS,`{product},`,`0.00000,`0.60%,`0.00,`{back},`"
            )
    paid, back = _sums(payments)
    yield _WECHAT_TOTALS
    yield f"`{lines(payments)},`{paid},`{back},`0.00,`0.00000,`{paid},`{back}"


def _sums(payments: int) -> tuple[str, str]:
    """What was paid and what was refunded, in yuan."""
    paid = sum(cents(number) for number in range(payments))
    return _yuan(paid), _yuan(REFUND_CENTS * refunds(payments))


def _times(day: date, payments: int) -> Iterator[str]:
    """From 1 to 23 o'clock, so that no payment is near the border of the day."""
    start = datetime.combine(day, time(1))
    for number in range(payments):
        yield str(start + timedelta(seconds=number * 79_200 // payments))


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
