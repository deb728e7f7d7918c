"""What people are told about who does what on their accounts."""

from django.utils.translation import gettext_lazy as _

from notices.kinds import (
    ACCOUNT_TAIL,
    CODE,
    HELP_LINE,
    MINUTES,
    NUMBER,
    WHAT,
    Kind,
    Purpose,
    Variable,
    declare,
)
from notices.models import Channel

CLERK = Variable("clerk", _("工号"), "K0001")
PHONE = Variable("phone", _("打码的手机号"), "138****0001", is_private=True)
_BOTH = (Channel.SMS, Channel.EMAIL)

declare(
    Kind(
        code="serving_code",
        title=_("代客办理验证码"),
        purpose=Purpose.SERVICE,
        variables=(CODE, CLERK, WHAT, MINUTES, HELP_LINE),
        is_secret=True,
        is_urgent=True,
        priority=0,
    ),
    Kind(
        code="served",
        title=_("工作人员已代为办理"),
        purpose=Purpose.SERVICE,
        variables=(CLERK, WHAT, NUMBER, HELP_LINE),
        channels=_BOTH,
        is_urgent=True,
        priority=2,
    ),
    Kind(
        code="account_bound",
        title=_("户号被绑定"),
        purpose=Purpose.SERVICE,
        variables=(ACCOUNT_TAIL, PHONE),
        is_urgent=True,
        priority=2,
        right="see_members",
    ),
    Kind(code="member_removed", title=_("不再是成员"), purpose=Purpose.SERVICE, variables=(ACCOUNT_TAIL,)),
    Kind(
        code="owner_left",
        title=_("户号没有户主"),
        purpose=Purpose.SERVICE,
        variables=(ACCOUNT_TAIL,),
        right="see_members",
    ),
)
