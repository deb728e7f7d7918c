"""Inviting people to share an account.

An invitation is the same for every phone: it tells nothing of whether somebody has it. It counts for whoever is logged
in with this phone proven.
"""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts import names, phones, rules
from accounts.models import BillingAccount, Invitation, Membership, User
from accounts.phone_field import PhoneField
from accounts.rules import Action
from accounts.selectors import accounts
from accounts.selectors import members as reads
from accounts.services import invitations, members
from operations.context import ByClerk, Confirmation, Context
from operations.forms import OperationForm
from operations.people.fields import account_field, offer
from operations.people.sharing import MEANINGS, OWNERS_STAY, OfAccount, page_of
from operations.quotes import Done, Quote, QuoteLine
from operations.registry import register


class InviteForm(OperationForm):
    account = account_field()
    phone = PhoneField(
        label=_("对方手机号"),
        help_text=_("对方用这个手机号登录后，可以选择接受或拒绝"),
        widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=_("身份"), widget=forms.RadioSelect, choices=list(MEANINGS.items()))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, self.ctx, Action.INVITE)
        field = self.fields["account"]
        role = self.fields["role"]
        assert isinstance(field, forms.ModelChoiceField)
        assert isinstance(role, forms.ChoiceField)
        kinds = set(
            (field.queryset or BillingAccount.objects.none()).values_list("customer__kind", flat=True)
        )
        offered = {each for kind in kinds for each in rules.ROLES_OF_KIND[kind]}
        role.choices = [(key, text) for key, text in MEANINGS.items() if key in offered]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        account, role = data.get("account"), data.get("role")
        if account and role and role not in rules.ROLES_OF_KIND[account.customer.kind]:
            error = members.RoleNotOffered()
            self.add_error("role", forms.ValidationError(error.text, code=error.code))
        return data


@register
class InviteMember(OfAccount):
    code = "member.invite"
    title = _("邀请成员")
    summary = _("请家人或同事一起查看、缴费")
    order = 50
    form_class = InviteForm
    confirmation = Confirmation.SMS_CODE
    secret_fields = ("phone",)  # of somebody who has not agreed to anything yet; the invitation has it
    needs_login = True

    def available(self, ctx: Context) -> bool:
        return ctx.once("invites", lambda: accounts.any_where(ctx.served, Action.INVITE))

    def confirmation_address(self, ctx: Context, data: dict[str, Any]) -> str:
        return getattr(ctx.served, "proven_phone", None) or ""

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        assert isinstance(ctx.served, User)
        invitations.check(
            account=data["account"],
            phone=data["phone"],
            role=data["role"],
            invited_by=ctx.served,
            as_of=ctx.as_of,
        )
        return self.promise(
            ctx,
            QuoteLine(_("户号"), value=data["account"].number),
            QuoteLine(_("对方手机号"), value=phones.mask(data["phone"])),
            QuoteLine(_("身份"), value=MEANINGS[data["role"]]),
            warnings=(OWNERS_STAY,) if data["role"] == Membership.Role.OWNER else (),
            outcome=format_lazy(
                _("我们短信通知对方。{days} 天内对方登录后可以接受或拒绝，您也可以随时撤回。"),
                days=invitations.LIFETIME.days,
            ),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        assert isinstance(ctx.served, User)
        row = invitations.invite(
            account_id=data["account"].pk,
            phone=data["phone"],
            role=data["role"],
            invited_by=ctx.served,
            actor=ctx.actor,
            as_of=ctx.as_of,
        )
        return Done(text=_("邀请已发出"), url=page_of(data["account"]), data={"invitation": row.reference})


class _InvitationField(forms.ModelChoiceField[Invitation]):
    def label_from_instance(self, obj: Invitation) -> str:
        return f"{obj.account.number} · {obj.get_role_display()}"


class InvitationForm(OperationForm):
    """Those that were made to the customer."""

    invitation = _InvitationField(
        label=_("邀请"), queryset=Invitation.objects.none(), to_field_name="reference", empty_label=None
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["invitation"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = self.offered()

    def offered(self) -> Any:
        return reads.invitations_to(self.ctx.served, as_of=self.ctx.as_of)


class WithdrawForm(InvitationForm):
    """Those that he may take back."""

    def offered(self) -> Any:
        return reads.invitations_by(self.ctx.served, as_of=self.ctx.as_of)


class _OfInvitation(OfAccount):
    form_class = InvitationForm
    needs_login = True

    def available(self, ctx: Context) -> bool:
        return ctx.once("invited", lambda: reads.is_invited(ctx.served, as_of=ctx.as_of))

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return data["invitation"].account if data.get("invitation") else None

    def lines(self, row: Invitation) -> tuple[QuoteLine, ...]:
        return (
            QuoteLine(_("户号"), value=row.account.number),
            QuoteLine(_("户名"), value=names.masked(row.account.customer.name)),
            QuoteLine(_("邀请人"), value=names.masked(row.invited_by.name) or "-"),
            QuoteLine(_("身份"), value=MEANINGS[Membership.Role(row.role)]),
        )


@register
class AcceptInvitation(_OfInvitation):
    code = "member.accept"
    title = _("接受邀请")
    summary = _("成为户号的成员")
    order = 21
    by_clerk = ByClerk.NEVER

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        outcome = _("接受以后，这个户号会出现在“户号与成员”里。您可以随时退出。")
        return self.promise(ctx, *self.lines(data["invitation"]), outcome=outcome)

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        assert isinstance(ctx.served, User)
        row: Invitation = data["invitation"]
        invitations.accept(reference=row.reference, user=ctx.served, actor=ctx.actor, as_of=ctx.as_of)
        return Done(text=_("您已成为这个户号的成员"), url=page_of(row.account))


@register
class DeclineInvitation(_OfInvitation):
    code = "member.decline"
    title = _("拒绝邀请")
    summary = _("不接受户号成员的邀请")
    order = 22
    by_clerk = ByClerk.NEVER

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        return self.promise(
            ctx, *self.lines(data["invitation"]), outcome=_("邀请作废，对方会看到您没有接受。")
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        assert isinstance(ctx.served, User)
        row: Invitation = data["invitation"]
        invitations.decline(reference=row.reference, user=ctx.served, actor=ctx.actor, as_of=ctx.as_of)
        return Done(text=_("已拒绝邀请"), url=reverse("accounts:accounts"))


@register
class WithdrawInvitation(_OfInvitation):
    code = "member.withdraw"
    title = _("撤回邀请")
    summary = _("对方还没有接受的邀请可以撤回")
    order = 51
    form_class = WithdrawForm

    def available(self, ctx: Context) -> bool:
        return reads.invitations_by(ctx.served, as_of=ctx.as_of).exists()

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        row: Invitation = data["invitation"]
        return self.promise(
            ctx,
            QuoteLine(_("户号"), value=row.account.number),
            QuoteLine(_("对方手机号"), value=phones.mask(row.phone)),
            QuoteLine(_("身份"), value=MEANINGS[Membership.Role(row.role)]),
            outcome=_("邀请作废，对方不能再接受。"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        assert isinstance(ctx.served, User)
        row: Invitation = data["invitation"]
        invitations.withdraw(reference=row.reference, user=ctx.served, actor=ctx.actor, as_of=ctx.as_of)
        return Done(text=_("邀请已撤回"), url=page_of(row.account))
