"""What people are told about themselves: codes, log-ins, contacts, members, their data."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import notice_facts as notice_facts  # tells previews what is known here
from notices.kinds import (
    ACCOUNT_TAIL,
    CODE,
    DAYS,
    HELP_LINE,
    MINUTES,
    UNTIL,
    URL,
    Kind,
    Purpose,
    Variable,
    declare,
)
from notices.models import Channel

CONTACT = Variable("contact", _("打码的联系方式"), "138****0001", is_private=True)
PHONE = Variable("phone", _("打码的手机号"), "138****0001", is_private=True)
INVITER = Variable("inviter", _("邀请人"), _("王**"), is_private=True)
NAME = Variable("name", _("名称"), _("家里的电脑"), is_private=True)
AT = Variable("at", _("时间"), "2026-12-01 12:00")
DEVICE = Variable("device", _("设备"), "Chrome, Windows")
_BOTH = (Channel.SMS, Channel.EMAIL)


def _security(code: str, title: str | Promise, *variables: Variable) -> Kind:
    """Whoever did it may be a stranger: told at once, also at night."""
    return Kind(
        code=code, title=title, purpose=Purpose.SERVICE, variables=variables, is_urgent=True, priority=2
    )


def _contact(code: str, title: str | Promise, *variables: Variable) -> Kind:
    return Kind(
        code=code,
        title=title,
        purpose=Purpose.SERVICE,
        variables=(ACCOUNT_TAIL, *variables),
        channels=_BOTH if variables else (Channel.SMS,),
        is_urgent=True,
        priority=2,
        right="see_contacts",
    )


declare(
    Kind(
        code="verification_code",
        title=_("验证码"),
        purpose=Purpose.SERVICE,
        variables=(CODE, MINUTES),
        channels=_BOTH,
        is_secret=True,
        is_urgent=True,
        priority=0,
    ),
    Kind(
        code="login_code",
        title=_("登录验证码"),
        purpose=Purpose.SERVICE,
        variables=(CODE, MINUTES),
        is_secret=True,
        is_urgent=True,
        priority=0,
    ),
    _security("new_device", _("新设备登录"), AT, DEVICE, HELP_LINE),
    _security("password_reset", _("密码已重设"), HELP_LINE),
    _security("phone_changed", _("登录手机号已更换"), PHONE, HELP_LINE),
    _security("api_token_made", _("新建了接口令牌"), NAME, UNTIL),
    _security("login_closing", _("登录账户即将注销"), DAYS),
    _security("login_closing_blocked", _("登录账户没有注销")),
    _security("login_closed", _("登录账户已注销")),
    _contact("contact_added", _("新增联系方式"), CONTACT),
    _contact("contact_primary", _("更换主要联系方式"), CONTACT),
    _contact("contact_removed", _("删除联系方式"), CONTACT),
    _contact("post_address_changed", _("通信地址已修改")),
    Kind(
        code="member_invited",
        title=_("邀请成为成员"),
        purpose=Purpose.SERVICE,
        variables=(INVITER, ACCOUNT_TAIL, URL, DAYS),
    ),
    Kind(
        code="data_export_ready",
        title=_("个人数据副本已备好"),
        purpose=Purpose.SERVICE,
        variables=(DAYS, URL),
    ),
)
