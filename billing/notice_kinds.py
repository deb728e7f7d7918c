"""What people are told about bills, payments, refunds and debits."""

from collections.abc import Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing import notice_facts as notice_facts  # tells previews and inboxes what is known here
from notices.kinds import (
    ACCOUNT_TAIL,
    AMOUNT,
    DAY,
    HOURS,
    NUMBER,
    URL,
    Kind,
    Purpose,
    Variable,
    declare,
)
from notices.models import Channel

RECEIPT = Variable("receipt", _("收据号"), "R202612010001")
PAYER = Variable("payer", _("缴费人"), "138****0001", is_private=True)
MONTH = Variable("month", _("账期"), _("2026 年 11 月"))
MEAN = Variable("mean", _("前三个月平均"), "¥5.00")
BILL = Variable("bill", _("账单名称"), _("2026 年 11 月账单"))
MAX = Variable("max", _("代扣上限"), "¥200.00")
EMAIL = Variable("email", _("打码的邮箱"), "w***@example.com", is_private=True)
OPEN = Variable("open", _("还应缴"), "¥26.00")
DUE = Variable("due", _("缴费截止日"), "2026-12-04")
UNSUBSCRIBE = Variable(
    "unsubscribe_url", _("退订电子账单的网址"), "https://hall.example.com/", is_private=True
)
_MAIL = (Channel.EMAIL,)


def _kind(
    code: str,
    title: str | Promise,
    *variables: Variable,
    channels: Sequence[Channel] = (Channel.SMS,),
    is_urgent: bool = False,
    is_secret: bool = False,
    priority: int = 5,
    right: str = "",
) -> Kind:
    return Kind(
        code=code,
        title=title,
        purpose=Purpose.SERVICE,
        variables=(ACCOUNT_TAIL, *variables),
        channels=channels,
        is_urgent=is_urgent,
        is_secret=is_secret,
        priority=priority,
        right=right,
    )


declare(
    # He has just paid, and waits to hear it.
    _kind("payment_received", _("缴费成功"), AMOUNT, RECEIPT, is_urgent=True, priority=4),
    _kind("payment_by_other", _("他人代缴成功"), PAYER, AMOUNT, RECEIPT, is_urgent=True, priority=4),
    _kind("counter_reversed", _("柜台收款已冲正"), AMOUNT, RECEIPT),
    _kind("receipt_moved_away", _("款项转出"), AMOUNT, RECEIPT),
    _kind("receipt_moved_here", _("款项转入"), AMOUNT, RECEIPT),
    _kind("refund_succeeded", _("退款成功"), AMOUNT, NUMBER),
    _kind("refund_failed", _("退款没有退成"), AMOUNT, NUMBER),
    _kind("refund_rejected", _("退款未获批准"), AMOUNT, NUMBER),
    _kind(
        "large_bill",
        _("大额账单提醒"),
        MONTH,
        AMOUNT,
        MEAN,
        channels=(Channel.SMS, Channel.EMAIL, Channel.INBOX),
    ),
    _kind("dispute_answered", _("账单异议有答复"), NUMBER),
    _kind("debit_signed", _("银行代扣已开通"), MAX, is_urgent=True),
    _kind("debit_ended", _("银行代扣已终止"), is_urgent=True),
    _kind("debit_due", _("即将代扣"), BILL, AMOUNT, DAY, priority=4),
    _kind("debit_above_limit", _("超过代扣上限"), BILL, AMOUNT, MAX, priority=4),
    _kind("debit_retry", _("代扣将再试"), BILL, AMOUNT, DAY, priority=4),
    _kind("debit_failed", _("代扣没有成功"), BILL, AMOUNT, priority=4),
    _kind("email_bill_started", _("电子账单已开通"), EMAIL, is_urgent=True),
    _kind("email_bill_stopped", _("电子账单已停寄"), EMAIL),
    _kind(
        "email_bill_confirm",
        _("确认接收电子账单"),
        HOURS,
        URL,
        UNSUBSCRIBE,
        channels=_MAIL,
        is_urgent=True,
        is_secret=True,
        priority=0,
    ),
    _kind("bill_mail", _("电子账单"), MONTH, AMOUNT, OPEN, DUE, URL, UNSUBSCRIBE, channels=_MAIL, priority=7),
    _kind(
        "bill_mail_paid", _("电子账单（已缴清）"), MONTH, AMOUNT, URL, UNSUBSCRIBE, channels=_MAIL, priority=7
    ),
    _kind(
        "pay_link",
        _("缴费链接"),
        AMOUNT,
        URL,
        HOURS,
        is_urgent=True,
        is_secret=True,
        priority=1,
    ),
)
