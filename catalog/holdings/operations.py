"""The operations of families: asking an account to belong, agreeing to it, leaving, being removed."""

from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import formats
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts import names
from accounts.models import BillingAccount
from catalog.holdings import rules
from catalog.holdings.families import FamilyInvitation, FamilyMember
from catalog.holdings.selectors import families as reads
from catalog.holdings.services import families
from core.clock import local_date
from operations.context import Confirmation, Context
from operations.forms import OperationForm
from operations.models import Slip
from operations.people.fields import RowField, account_field
from operations.quotes import Done, Quote, QuoteLine
from operations.registry import Operation, register


class InviteForm(OperationForm):
    account = account_field()
    number = forms.CharField(
        label=_("对方户号"),
        max_length=40,
        help_text=_("对方的户主登录后可以选择同意或拒绝"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["account"]
        assert isinstance(field, forms.ModelChoiceField)
        field.label = _("付费户号")
        field.queryset = reads.payers_of(self.ctx.served)


class _OfRow(OperationForm):
    """One of some rows, by a keyed reference."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["row"]
        assert isinstance(field, RowField)
        field.offer(self.offered(), self.label)

    def offered(self) -> "QuerySet[Any]":
        raise NotImplementedError

    def label(self, row: Any) -> str:
        raise NotImplementedError


class JoinForm(_OfRow):
    row = RowField(label=_("邀请"))

    def offered(self) -> "QuerySet[FamilyInvitation]":
        return reads.invitations_to(self.ctx.served, as_of=self.ctx.as_of)

    def label(self, row: FamilyInvitation) -> str:
        return f"{row.account_number} · {_('付费户号')} {row.family.payer.number[-4:]}"


class WithdrawForm(_OfRow):
    row = RowField(label=_("邀请"))

    def offered(self) -> "QuerySet[FamilyInvitation]":
        return reads.invitations_by(self.ctx.served, as_of=self.ctx.as_of)

    def label(self, row: FamilyInvitation) -> str:
        return row.account_number


class LeaveForm(_OfRow):
    row = RowField(label=_("户号"))

    def offered(self) -> "QuerySet[FamilyMember]":
        return reads.leaving_by(self.ctx.served, today=local_date(self.ctx.as_of))

    def label(self, row: FamilyMember) -> str:
        return row.account.number


class RemoveForm(LeaveForm):
    row = RowField(label=_("成员户号"))

    def offered(self) -> "QuerySet[FamilyMember]":
        return reads.removable_by(self.ctx.served, today=local_date(self.ctx.as_of))


class OfFamily(Operation):
    """What they have in common: free, agreed to by a code, and told again on the page of families."""

    icon = "people"
    confirmation = Confirmation.SMS_CODE

    def confirmation_address(self, ctx: Context, data: dict[str, Any]) -> str:
        return getattr(ctx.served, "proven_phone", None) or ""

    def promise(self, ctx: Context, *lines: QuoteLine, **more: Any) -> Quote:
        effective_on = more.pop("effective_on", local_date(ctx.as_of))
        return Quote(price_cents=0, effective_on=effective_on, lines=lines, **more)

    def done(self, text: Any, **data: Any) -> Done:
        return Done(text=text, url=reverse("catalog:family"), data=data)


@register
class InviteToFamily(OfFamily):
    code = "family.invite"
    title = _("邀请加入家庭共享")
    summary = _("为家人或本单位的其他户号统一付费")
    order = 60
    form_class = InviteForm

    def available(self, ctx: Context) -> bool:
        return reads.payers_of(ctx.served).exists()

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return data.get("account")

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        account_locks.hold(data["account"].pk)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        families.check_invitation(payer=data["account"], account_number=data["number"], as_of=ctx.as_of)
        return self.promise(
            ctx,
            QuoteLine(_("付费户号"), value=data["account"].number),
            QuoteLine(_("对方户号"), value=data["number"]),
            warnings=(_("对方同意后，从次月 1 日起，对方的费用都由您的户号支付。"),),
            outcome=format_lazy(
                _("我们短信通知对方的户主。{days} 天内对方可以同意或拒绝，您也可以随时撤回。"),
                days=families.LIFETIME.days,
            ),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        row = families.invite(
            payer_id=data["account"].pk, account_number=data["number"], actor=ctx.actor, as_of=ctx.as_of
        )
        return self.done(_("邀请已发出"), invitation=row.reference)


class OfInvitation(OfFamily):
    form_class = JoinForm

    def available(self, ctx: Context) -> bool:
        return reads.invitations_to(ctx.served, as_of=ctx.as_of).exists()

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        row: FamilyInvitation | None = data.get("row")
        return row.account if row else None

    def lines(self, row: FamilyInvitation) -> tuple[QuoteLine, ...]:
        payer = row.family.payer
        return (
            QuoteLine(_("您的户号"), value=row.account_number),
            QuoteLine(_("付费户号"), value=f"****{payer.number[-4:]}"),
            QuoteLine(_("付费方"), value=names.masked(payer.customer.name)),
        )


@register
class JoinFamily(OfInvitation):
    code = "family.join"
    title = _("同意加入家庭共享")
    summary = _("由对方的户号为您付费")
    order = 61

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        row: FamilyInvitation = data["row"]
        families.check_joining(row, as_of=ctx.as_of)
        return self.promise(
            ctx,
            *self.lines(row),
            effective_on=rules.next_month_start(local_date(ctx.as_of)),
            outcome=_(
                "从次月 1 日起，这个户号的费用由对方支付，对方在账单上看得到费用明细。您可以随时退出。"
            ),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        slip = Slip.objects.only("pk").get(number=ctx.slip_number)
        families.accept(reference=data["row"].reference, slip_id=slip.pk, actor=ctx.actor, as_of=ctx.as_of)
        return self.done(_("已加入，从次月 1 日起生效"))


@register
class DeclineFamily(OfInvitation):
    code = "family.decline"
    title = _("拒绝家庭共享邀请")
    summary = _("户号保持不变")
    order = 62
    confirmation = Confirmation.CLICK

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        outcome = _("邀请作废，对方会看到您没有同意。")
        return self.promise(ctx, *self.lines(data["row"]), outcome=outcome)

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        families.decline(reference=data["row"].reference, actor=ctx.actor, as_of=ctx.as_of)
        return self.done(_("已拒绝邀请"))


@register
class WithdrawFromFamily(OfFamily):
    code = "family.withdraw"
    title = _("撤回家庭共享邀请")
    summary = _("对方还没有同意的邀请可以撤回")
    order = 63
    form_class = WithdrawForm
    confirmation = Confirmation.CLICK

    def available(self, ctx: Context) -> bool:
        return reads.invitations_by(ctx.served, as_of=ctx.as_of).exists()

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        row: FamilyInvitation | None = data.get("row")
        return row.family.payer if row else None

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        line = QuoteLine(_("对方户号"), value=data["row"].account_number)
        return self.promise(ctx, line, outcome=_("邀请作废，对方不能再同意。"))

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        families.withdraw(reference=data["row"].reference, actor=ctx.actor, as_of=ctx.as_of)
        return self.done(_("邀请已撤回"))


class OfMember(OfFamily):
    outcome: ClassVar[Any]
    ended: ClassVar[Any]

    def rows(self, ctx: Context) -> "QuerySet[FamilyMember]":
        raise NotImplementedError

    def available(self, ctx: Context) -> bool:
        return self.rows(ctx).exists()

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        member: FamilyMember = data["row"]
        today = local_date(ctx.as_of)
        ends_on = rules.next_month_start(today) if member.active_from <= today else member.active_from
        return self.promise(
            ctx,
            QuoteLine(_("户号"), value=member.account.number),
            QuoteLine(_("自付费用从"), value=formats.date_format(ends_on)),
            effective_on=ends_on,
            outcome=self.outcome,
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        families.end_membership(member_id=data["row"].pk, actor=ctx.actor, as_of=ctx.as_of)
        return self.done(self.ended)


@register
class LeaveFamily(OfMember):
    code = "family.leave"
    title = _("退出家庭共享")
    summary = _("户号重新由自己付费")
    order = 64
    form_class = LeaveForm
    outcome = _("从生效日起，这个户号的费用由您自己支付，共享优惠不再享有。")
    ended = _("已登记退出")

    def rows(self, ctx: Context) -> "QuerySet[FamilyMember]":
        return reads.leaving_by(ctx.served, today=local_date(ctx.as_of))

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        row: FamilyMember | None = data.get("row")
        return row.account if row else None


@register
class RemoveFromFamily(OfMember):
    code = "family.remove"
    title = _("移除家庭共享成员")
    summary = _("不再为某个户号付费")
    order = 65
    form_class = RemoveForm
    outcome = _("从生效日起，这个户号的费用由对方自己支付；我们短信告知对方。")
    ended = _("已登记移除")

    def rows(self, ctx: Context) -> "QuerySet[FamilyMember]":
        return reads.removable_by(ctx.served, today=local_date(ctx.as_of))

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        row: FamilyMember | None = data.get("row")
        return row.family.payer if row else None
