"""What a file is, told from its first bytes. Names of files and of zip members are never believed."""

import codecs
from enum import StrEnum

HEAD_BYTES = 4_096


class Content(StrEnum):
    ALIPAY_TRADES = "alipay"
    ALIPAY_FUNDS = "alipay fund flow"
    ALIPAY_SUMMARY = "alipay summary"
    WECHAT_TRADES = "wechatpay"
    WECHAT_FUNDS = "wechatpay fund flow"
    OTHER = "other"


TRADES = frozenset((Content.ALIPAY_TRADES, Content.WECHAT_TRADES))
FUNDS = frozenset((Content.ALIPAY_FUNDS, Content.WECHAT_FUNDS))
_ALIPAY = (
    ("#支付宝业务明细", Content.ALIPAY_TRADES),
    ("#支付宝账务明细", Content.ALIPAY_FUNDS),
    ("#支付宝账务汇总", Content.ALIPAY_SUMMARY),
    ("#支付宝业务汇总", Content.ALIPAY_SUMMARY),
)


def recognise(head: bytes) -> Content:
    """By the first line; `head` is the beginning of the file, `HEAD_BYTES` long or all of it."""
    for encoding in ("utf-8", "gb18030"):
        first = head.removeprefix(codecs.BOM_UTF8).decode(encoding, "ignore").split("\n", 1)[0].strip()
        for title, content in _ALIPAY:
            if first.startswith(title):
                return content
        names = {name.strip(" \t`") for name in first.split(",")}
        if {"微信订单号", "商户订单号", "交易状态"} <= names:
            return Content.WECHAT_TRADES
        if {"微信支付业务单号", "资金流水单号"} <= names:
            return Content.WECHAT_FUNDS
    return Content.OTHER
