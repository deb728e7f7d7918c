"""How people and what they may do read on a page."""

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import names, phones
from accounts.rules import Action

register = template.Library()
_LABELS: dict[Action, Promise] = {
    Action.SEE_BILLS: _("查看账单、缴费记录和余额"),
    Action.PAY: _("缴费和预存"),
    Action.DISPUTE: _("对账单提出异议"),
    Action.MAIL_BILLS: _("设置电子账单"),
    Action.ASK_REFUND: _("申请退款"),
    Action.MOVE_CREDIT: _("设置余额抵扣和银行代扣"),
    Action.ORDER: _("办理业务"),
    Action.SEE_MEMBERS: _("查看成员"),
    Action.INVITE: _("邀请和移除成员"),
    Action.SEE_CONTACTS: _("查看联系方式"),
    Action.CHANGE_CONTACTS: _("修改联系方式和通信地址"),
}


@register.filter
def masked_name(name: str) -> str:
    return names.masked(name)


@register.filter
def masked_phone(phone: str) -> str:
    return phones.mask(phone)


@register.filter
def action_label(action: Action) -> Promise:
    """What a member may do, in plain words."""
    return _LABELS[action]
