"""账单异议: a customer says that a bill is wrong, and may take it back."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount
from billing.documents import words
from billing.models import Bill, Dispute, DisputeCause, DisputeState
from billing.models.bills import BillQuerySet
from billing.selectors import disputes as dispute_reads
from billing.selectors import payable
from billing.services.bills import dispute_files, disputes
from billing.texts import bill_title, bill_title_lazy
from core import clock
from core.uploads import files
from operations.attachments import AttachmentField
from operations.context import Confirmation, Context
from operations.quotes import Done, Pending, Quote, QuoteLine
from operations.registry import Operation, register

_day = lazy(words.day, str)


class _BillField(forms.ModelChoiceField[Bill]):
    """Bills as the customer calls them."""

    def label_from_instance(self, obj: Bill) -> str:
        return f"{bill_title(obj)} · {obj.account.number} · {obj.number}"


class DisputeForm(forms.Form):
    bill = _BillField(label=_("账单"), queryset=Bill.objects.none(), to_field_name="number")
    cause = forms.ChoiceField(label=_("哪里不对"), choices=DisputeCause.choices, widget=forms.RadioSelect)
    text = forms.CharField(
        label=_("说明"),
        min_length=2,
        max_length=disputes.LONGEST_TEXT,
        help_text=_("写清楚哪一项不对、您认为应该是多少，我们核查得更快"),
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    photo = AttachmentField(
        kind=dispute_files.KIND.code,
        label=_("照片、视频或 PDF"),
        help_text=_(
            "例如收据、短信或合同的照片；照片和 PDF 最大 10 MB，视频最大 25 MB；其中的位置等信息会去掉"
        ),
    )

    def __init__(self, *args: Any, ctx: Context, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bill, photo = self.fields["bill"], self.fields["photo"]
        assert isinstance(bill, forms.ModelChoiceField)
        assert isinstance(photo, AttachmentField)
        photo.ctx = ctx
        bill.queryset = _bills_of(ctx)


@register
class DisputeBill(Operation):
    """One open dispute per bill; answered within the promised working days."""

    code = "bill.dispute"
    version = 1
    title = _("账单异议")
    summary = _("觉得账单不对，告诉我们，我们核查后答复您")
    icon = "dispute"
    order = 40
    form_class = DisputeForm
    confirmation = Confirmation.CLICK

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated)

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return data["bill"].account if data.get("bill") else None

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        account_locks.account(data["bill"].account_id)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        bill = data["bill"]
        if earlier := dispute_reads.open_for([bill.pk]).get(bill.pk):
            raise disputes.AlreadyDisputed(number=earlier.number)
        by = _day(disputes.promised_on(ctx.as_of))
        return Quote(
            price_cents=0,
            effective_on=clock.local_date(ctx.as_of),
            lines=(
                QuoteLine(format_lazy("{title} {number}", title=bill_title_lazy(bill), number=bill.number)),
                QuoteLine(_("账单金额"), bill.total_cents),
                QuoteLine(_("哪里不对"), value=DisputeCause(data["cause"]).label),
                QuoteLine(_("说明"), value=data["text"]),
                *((QuoteLine(_("附件"), value=data["photo"].name),) if data.get("photo") else ()),
            ),
            warnings=(_("提出异议不改变缴费截止日。没有争议的部分请照常缴费；多收的会退还。"),),
            outcome=format_lazy(_("我们会核查这张账单，最晚在 {date} 答复您，并短信通知"), date=by),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Pending:
        assert ctx.served.pk is not None
        dispute = disputes.begin(
            bill_id=data["bill"].pk,
            cause=DisputeCause(data["cause"]),
            text=data["text"],
            raised_by_id=ctx.served.pk,
            actor=ctx.actor,
            as_of=ctx.as_of,
        )
        if data.get("photo"):
            files.use(upload_id=data["photo"].pk, subject=dispute.number, as_of=ctx.as_of)
        return Pending(
            subject_kind=disputes.SUBJECT,
            subject_id=dispute.number,
            text=format_lazy(_("已受理，最晚在 {date} 答复您"), date=_day(dispute.promised_on)),
            url=reverse("billing:bill", args=[data["bill"].number]),
        )


class _DisputeField(forms.ModelChoiceField[Dispute]):
    def label_from_instance(self, obj: Dispute) -> str:
        return f"{bill_title(obj.bill)} · {obj.number}"


class WithdrawForm(forms.Form):
    dispute = _DisputeField(label=_("账单异议"), queryset=Dispute.objects.none(), to_field_name="number")

    def __init__(self, *args: Any, ctx: Context, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dispute = self.fields["dispute"]
        assert isinstance(dispute, forms.ModelChoiceField)
        dispute.queryset = dispute_reads.withdrawable(ctx.served)


@register
class WithdrawDispute(Operation):
    """Offered to whoever has an open dispute of his own."""

    code = "bill.dispute.withdraw"
    version = 1
    title = _("撤回账单异议")
    summary = _("问题已经弄清楚，不用再核查")
    icon = "close"
    order = 41
    form_class = WithdrawForm
    confirmation = Confirmation.CLICK

    def available(self, ctx: Context) -> bool:
        return ctx.once("withdrawable", lambda: dispute_reads.may_withdraw(ctx.served))

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return data["dispute"].bill.account if data.get("dispute") else None

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        account_locks.account(data["dispute"].bill.account_id)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        bill = data["dispute"].bill
        title = format_lazy("{title} {number}", title=bill_title_lazy(bill), number=bill.number)
        return Quote(
            price_cents=0,
            effective_on=clock.local_date(ctx.as_of),
            lines=(QuoteLine(title), QuoteLine(_("异议单号"), value=data["dispute"].number)),
            outcome=_("撤回后不再核查；以后可以重新提出"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        dispute = disputes.close(
            dispute_id=data["dispute"].pk,
            state=DisputeState.WITHDRAWN,
            answer="",
            actor=ctx.actor,
            as_of=ctx.as_of,
        )
        return Done(text=_("异议已撤回"), url=reverse("billing:bill", args=[dispute.bill.number]))


def _bills_of(ctx: Context) -> BillQuerySet:
    """The bills that the customer may dispute, newest first."""
    mine = payable.disputed_by(ctx.served).order_by()
    return Bill.objects.filter(account__in=mine).select_related("account").order_by("-issued_on", "-id")
