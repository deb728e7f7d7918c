"""What people are told about what they ordered and hold: orders, terms, families, pauses."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from notices.kinds import (
    ACCOUNT_TAIL,
    AMOUNT,
    DAY,
    NUMBER,
    PHONE_AND_MAIL,
    UNTIL,
    URL,
    WAY_OUT,
    WHAT,
    Kind,
    Purpose,
    Variable,
    declare,
)

OUTCOME = Variable("outcome", _("办理结果"), _("已完成"))
FROM = Variable("from", _("生效日"), "2026-12-01")
TERM = Variable("term", _("合约期"), _("合约期 12 个月"))
PAYER_TAIL = Variable("payer_tail", _("付费户号后四位"), "0002")
SERVICE = Variable("service", _("服务（打码的号码或产品名）"), "138****0001")
RESUME_ON = Variable("resume_on", _("复机日"), "2027-03-01")


def _kind(code: str, title: str | Promise, *variables: Variable, is_urgent: bool = False) -> Kind:
    return Kind(
        code=code,
        title=title,
        purpose=Purpose.SERVICE,
        variables=(ACCOUNT_TAIL, *variables),
        is_urgent=is_urgent,
    )


def _long(code: str, title: str | Promise, *variables: Variable, is_urgent: bool = False) -> Kind:
    """Told on every channel."""
    return Kind(
        code=code,
        title=title,
        purpose=Purpose.SERVICE,
        variables=(ACCOUNT_TAIL, *variables),
        channels=PHONE_AND_MAIL,
        is_urgent=is_urgent,
    )


declare(
    # The fee, the day and whether it succeeded are told at once: who orders waits for it.
    _kind("order_done", _("业务已办理"), WHAT, OUTCOME, FROM, AMOUNT, TERM, NUMBER, is_urgent=True),
    _kind("order_failed", _("业务没有办成"), WHAT, OUTCOME, NUMBER, is_urgent=True),
    _kind("order_waits_for_payment", _("订单待付款"), WHAT, AMOUNT, UNTIL, NUMBER, is_urgent=True),
    _kind("renewal_ahead", _("即将自动续订"), WHAT, DAY, AMOUNT, URL),
    _kind("family_invited", _("家庭共享邀请"), PAYER_TAIL, URL),
    _kind("family_ended", _("家庭共享已结束"), DAY),
    _long("term_ending", _("合约或优惠即将到期"), WHAT, DAY, URL),
    Kind(
        code="term_offer",
        title=_("到期续约优惠"),
        purpose=Purpose.MARKETING,
        variables=(ACCOUNT_TAIL, WHAT, DAY, URL, WAY_OUT),
        channels=PHONE_AND_MAIL,
        priority=8,
    ),
    _long("pause_begun", _("停机保号已生效"), SERVICE, DAY, RESUME_ON, AMOUNT, URL, is_urgent=True),
    _long("pause_ending", _("停机保号即将到期"), SERVICE, RESUME_ON, URL),
    _long("pause_ended", _("停机保号已结束"), SERVICE, DAY, is_urgent=True),
)
