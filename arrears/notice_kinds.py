"""What people are told while an account is in arrears, and after. The texts are in notices (seeds, then staff).

Every kind takes `account_tail`, `url` (where to see and pay) and `help_line` besides what is named here. Amounts are
`core.money.display`, days local dates.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from arrears.selectors import current
from notices.kinds import (
    ACCOUNT_TAIL,
    AMOUNT,
    DAY,
    HELP_LINE,
    NUMBER,
    PHONE_AND_MAIL,
    UNTIL,
    URL,
    Kind,
    Purpose,
    Variable,
    declare,
)
from notices.models import Channel

DUE_ON = Variable("due_on", _("最早未缴账单的缴费截止日"), "2026-11-04")
SUSPEND_ON = Variable("suspend_on", _("最早停机日"), "2026-12-05")
SUSPENDED_ON = Variable("suspended_on", _("停机日"), "2026-12-05")
DISCONNECT_ON = Variable("disconnect_on", _("最早拆机日"), "2027-02-04")
KEEP_UNTIL = Variable("keep_until", _("号码保留至"), "2027-08-04")
HOLDS = Variable("holds", _("暂缓的原因"), _("账单异议正在处理"))
SERVICE = Variable("service", _("服务（打码的号码或产品名）"), "138****0001")

HALF_A_DAY, TWO_HOURS = timedelta(hours=12), timedelta(hours=2)
WITH_LETTER: Sequence[Channel] = (*PHONE_AND_MAIL, Channel.LETTER)


def _kind(
    code: str,
    title: str | Promise,
    *variables: Variable,
    purpose: Purpose = Purpose.LEGAL,
    channels: Sequence[Channel] = PHONE_AND_MAIL,
    is_urgent: bool = False,
    fallback_after: timedelta | None = None,
) -> Kind:
    return Kind(
        code=code,
        title=title,
        purpose=purpose,
        variables=(ACCOUNT_TAIL, *variables, URL, HELP_LINE),
        channels=channels,
        is_urgent=is_urgent,
        priority=3,
        fallback_after=fallback_after,
        is_current=current.is_current if fallback_after else None,
    )


declare(
    _kind("bill_due_soon", _("账单即将到期"), AMOUNT, DUE_ON, purpose=Purpose.SERVICE),
    _kind("bill_overdue", _("账单已逾期"), AMOUNT, DUE_ON, SUSPEND_ON),
    _kind("debt_overdue", _("欠费待缴清"), AMOUNT, DUE_ON),
    _kind(
        "suspension_ahead",
        _("停机预告"),
        AMOUNT,
        DUE_ON,
        SUSPEND_ON,
        channels=WITH_LETTER,
        fallback_after=HALF_A_DAY,
    ),
    _kind("suspension_tomorrow", _("明日停机"), AMOUNT, DUE_ON, SUSPEND_ON, fallback_after=TWO_HOURS),
    _kind("suspended", _("已停机"), AMOUNT, SUSPENDED_ON, DISCONNECT_ON, fallback_after=HALF_A_DAY),
    _kind("restored", _("已恢复服务"), DAY, purpose=Purpose.SERVICE, is_urgent=True),
    _kind("held_back", _("欠费处理暂缓"), AMOUNT, HOLDS, UNTIL),
    _kind("promise_made", _("延期缴费已受理"), AMOUNT, UNTIL, NUMBER, is_urgent=True),
    _kind("promise_broken", _("延期缴费已到期"), AMOUNT, UNTIL, SUSPEND_ON),
    _kind(
        "disconnection_ahead",
        _("拆机预告"),
        AMOUNT,
        SUSPENDED_ON,
        DISCONNECT_ON,
        channels=WITH_LETTER,
        fallback_after=HALF_A_DAY,
    ),
    _kind(
        "disconnection_tomorrow",
        _("明日拆机"),
        AMOUNT,
        SUSPENDED_ON,
        DISCONNECT_ON,
        fallback_after=TWO_HOURS,
    ),
    _kind(
        "family_suspension_ahead",
        _("停机预告（他人代付）"),
        SUSPEND_ON,
        fallback_after=HALF_A_DAY,
    ),
    _kind(
        "family_suspended",
        _("已停机（他人代付）"),
        SUSPENDED_ON,
        DISCONNECT_ON,
        fallback_after=HALF_A_DAY,
    ),
    _kind(
        "family_disconnection_ahead",
        _("拆机预告（他人代付）"),
        SUSPENDED_ON,
        DISCONNECT_ON,
        fallback_after=HALF_A_DAY,
    ),
    _kind(
        "family_disconnected", _("已拆机（他人代付）"), SERVICE, DAY, KEEP_UNTIL, fallback_after=HALF_A_DAY
    ),
    _kind("disconnected", _("已拆机"), SERVICE, AMOUNT, DAY, KEEP_UNTIL, fallback_after=HALF_A_DAY),
    _kind("debt_remains", _("拆机后欠费提醒"), AMOUNT),
    _kind("number_restored", _("号码已恢复"), SERVICE, DAY, purpose=Purpose.SERVICE, is_urgent=True),
    _kind("escalation_opened", _("升级投诉已立案"), NUMBER, UNTIL),
    _kind("escalation_answered", _("升级投诉已答复"), NUMBER),
)
