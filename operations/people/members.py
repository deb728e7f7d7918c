"""Who shares an account: leaving, removing, another role."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import names, phones
from accounts.models import BillingAccount, Membership, User
from accounts.selectors import accounts
from accounts.selectors import members as reads
from accounts.services import members
from notices.models import Channel
from notices.services import messages
from operations.context import ByClerk, Confirmation, Context
from operations.forms import OperationForm
from operations.people.fields import RowField, account_field
from operations.people.sharing import MEANINGS, OWNERS_STAY, OfAccount, page_of
from operations.quotes import Done, Quote, QuoteLine
from operations.registry import register


class LeaveForm(OperationForm):
    account = account_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["account"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = accounts.of_user(self.ctx.served)


@register
class LeaveAccount(OfAccount):
    """Everybody's own right. The last owner leaves nobody behind without one, and never without the contact knowing."""

    code = "member.leave"
    title = _("解除绑定")
    summary = _("不再查看和缴纳某个户号")
    order = 55
    form_class = LeaveForm
    by_clerk = ByClerk.NEVER
    needs_login = True

    def available(self, ctx: Context) -> bool:
        return accounts.of_user(ctx.served).exists()

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        membership = accounts.membership_of(ctx.served, data["account"].number)
        assert membership is not None
        warnings: list[Any] = []
        if members.is_last_owner(membership):
            if members.others(membership.account_id, besides=membership.user_id).exists():
                raise members.LastOwner()
            warnings.append(
                _("您是唯一的户主。退出后网上营业厅不再有人管理这个户号，我们会短信告知登记的联系电话。")
            )
        return self.promise(
            ctx,
            QuoteLine(_("户号"), value=data["account"].number),
            QuoteLine(_("您的身份"), value=Membership.Role(membership.role).label),
            warnings=tuple(warnings),
            outcome=_(
                "退出后您看不到它的账单；户号和合同不变，欠费仍要缴。您签的银行代扣和电子账单随之终止。"
            ),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        assert isinstance(ctx.served, User)
        account: BillingAccount = data["account"]
        left = members.leave(user_id=ctx.served.pk, account_id=account.pk, actor=ctx.actor, as_of=ctx.as_of)
        if members.is_last_owner(left):
            _tell_contact(account, ctx)
        return Done(text=_("已解除绑定"), url=reverse("accounts:accounts"))


class RemoveForm(OperationForm):
    member = RowField(label=_("成员"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["member"]
        assert isinstance(field, RowField)
        field.offer(reads.removable_by(self.ctx.served), _who)


class RoleForm(RemoveForm):
    role = forms.ChoiceField(label=_("新的身份"), widget=forms.RadioSelect, choices=list(MEANINGS.items()))


def _who(membership: Membership) -> str:
    user = membership.user
    known = (names.masked(user.name), phones.mask(user.proven_phone or ""), membership.get_role_display())
    return " · ".join([membership.account.number, *(each for each in known if each)])


class _OfMember(OfAccount):
    form_class = RemoveForm

    def available(self, ctx: Context) -> bool:
        return bool(reads.removable_by(ctx.served))

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return data["member"].account if data.get("member") else None


@register
class RemoveMember(_OfMember):
    code = "member.remove"
    title = _("移除成员")
    summary = _("不再让某位成员查看和缴费")
    order = 52

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        outcome = _("对方马上看不到这个户号的账单，我们短信告知对方。")
        return self.promise(ctx, QuoteLine(_("成员"), value=_who(data["member"])), outcome=outcome)

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        row: Membership = data["member"]
        members.remove(
            user_id=row.user_id,
            account_id=row.account_id,
            by_id=ctx.served.pk or 0,
            actor=ctx.actor,
            as_of=ctx.as_of,
        )
        if row.user.proven_phone:
            messages.send(
                code="member_removed",
                recipient_ref=f"user:{row.user_id}",
                addresses=[messages.Address(Channel.SMS, row.user.proven_phone)],
                context={"account_tail": row.account.number[-4:]},
                dedupe_key=f"member_removed:{ctx.slip_number}",
                as_of=ctx.as_of,
                language=row.user.language,
            )
        return Done(text=_("已移除"), url=page_of(row.account))


@register
class ChangeRole(_OfMember):
    code = "member.role"
    title = _("修改成员身份")
    summary = _("让成员能做得多一点或少一点")
    order = 53
    form_class = RoleForm
    confirmation = Confirmation.SMS_CODE

    def confirmation_address(self, ctx: Context, data: dict[str, Any]) -> str:
        return getattr(ctx.served, "proven_phone", None) or ""

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        row: Membership = data["member"]
        members.check_role(row.account, data["role"])
        if row.role == data["role"]:
            raise members.AlreadyBound()
        return self.promise(
            ctx,
            QuoteLine(_("成员"), value=_who(row)),
            QuoteLine(_("新的身份"), value=MEANINGS[data["role"]]),
            warnings=(OWNERS_STAY,) if data["role"] == Membership.Role.OWNER else (),
            outcome=_("马上生效。"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        row: Membership = data["member"]
        members.change_role(
            user_id=row.user_id,
            account_id=row.account_id,
            role=data["role"],
            by_id=ctx.served.pk or 0,
            actor=ctx.actor,
            as_of=ctx.as_of,
        )
        return Done(text=_("身份已修改"), url=page_of(row.account))


def _tell_contact(account: BillingAccount, ctx: Context) -> None:
    phone = accounts.primary_phone(account)
    if phone:
        messages.send(
            code="owner_left",
            recipient_ref=f"account:{account.number}",
            addresses=[messages.Address(Channel.SMS, phone)],
            context={"account_tail": account.number[-4:]},
            dedupe_key=f"owner_left:{ctx.slip_number}",
            as_of=ctx.as_of,
        )
