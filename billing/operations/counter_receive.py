"""counter.receive: a member of staff takes cash, or a card at the POS, for a customer at the counter."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts import posts
from accounts.models import BillingAccount, User
from billing import quotes
from billing.forms import YuanField
from billing.models import Bill, CounterMethod
from billing.services import counter
from core import clock
from core.errors import NotFound
from operations.context import ByClerk, Context
from operations.forms import OperationForm
from operations.models import Channel
from operations.quotes import Done, Quote, QuoteLine
from operations.registry import Operation, register


class ReceiveForm(OperationForm):
    account = forms.ModelChoiceField(
        label=_("户号"),
        queryset=BillingAccount.objects.all(),
        to_field_name="number",
        widget=forms.HiddenInput,
    )
    bill = forms.ModelChoiceField(
        label=_("先缴这张账单"),
        queryset=Bill.objects.none(),
        to_field_name="number",
        required=False,
        empty_label=_("从最早的账单缴起"),
    )
    amount = YuanField(label=_("收款金额（元）"))
    method = forms.ChoiceField(
        label=_("收款方式"),
        choices=CounterMethod.choices,
        widget=forms.RadioSelect,
        initial=CounterMethod.CASH,
    )
    paper_no = forms.CharField(
        label=_("单据号"),
        max_length=40,
        help_text=_("现金填纸质收据号，刷卡填 POS 小票的参考号；每个号码只能用一次"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bill = self.fields["bill"]
        assert isinstance(bill, forms.ModelChoiceField)
        number = self["account"].value() or ""
        if isinstance(number, str) and "\0" not in number:
            bill.queryset = Bill.objects.open().filter(account__number=number).order_by("due_on", "id")

    def clean_amount(self) -> int:
        cents: int = self.cleaned_data["amount"]
        if not 0 < cents <= counter.MAX_CENTS:
            error = counter.CounterAmountOutOfRange()
            raise forms.ValidationError(error.text, code=error.code)
        return cents

    def clean_paper_no(self) -> str:
        try:
            return counter.clean_paper_number(self.cleaned_data["paper_no"])
        except counter.BadPaperNumber as error:
            raise forms.ValidationError(error.text, code=error.code) from None


@register
class ReceiveAtCounter(Operation):
    """柜台收款. Only at the counter, by staff who may take money."""

    code = "counter.receive"
    title = _("柜台收款")
    summary = _("收现金或刷卡，打印收据")
    icon = "pay"
    form_class = ReceiveForm
    by_clerk = ByClerk.AT_DESK

    def available(self, ctx: Context) -> bool:
        at_desk = ctx.channel == Channel.COUNTER and ctx.serving is None
        return at_desk and ctx.user.is_staff and ctx.user.has_perm(counter.PERMISSION)

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return data.get("account")

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        account_locks.account(data["account"].pk)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        """Raises OwnAccount and PaperNumberTaken; a paper that was entered before with the same data is only shown.

        NotFound for an account that lies where this member of staff takes no money.
        """
        if not posts.may(ctx.user, counter.PERMISSION, data["account"].region_id, ctx.as_of):
            raise NotFound()
        account, amount, today = data["account"], data["amount"], clock.local_date(ctx.as_of)
        method = CounterMethod(data["method"])
        assert isinstance(ctx.user, User)
        counter.check_taker(account_id=account.pk, actor=ctx.actor, taken_by_id=ctx.user.pk)
        before = counter.booked_before(
            account_id=account.pk, method=method, paper_no=data["paper_no"], cents=amount
        )
        head = (
            QuoteLine(_("收款方式"), value=method.label),
            QuoteLine(_("单据号"), value=data["paper_no"]),
        )
        if before is not None:
            again = _("这张单据已经入账，确认后不会重复入账")
            return Quote(price_cents=amount, effective_on=today, lines=head, warnings=(again,))
        lines, warnings = quotes.settling(
            account=account, amount_cents=amount, first_bill=data["bill"], today=today
        )
        return Quote(
            price_cents=amount,
            effective_on=today,
            lines=head + lines,
            warnings=warnings,
            outcome=_("确认后立即入账，并向户号的联系手机发送收据短信"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        assert isinstance(ctx.user, User)
        taken = counter.receive(
            account_id=data["account"].pk,
            method=CounterMethod(data["method"]),
            paper_no=data["paper_no"],
            amount_cents=data["amount"],
            bill_id=data["bill"].pk if data["bill"] else None,
            taken_by_id=ctx.user.pk,
            as_of=ctx.as_of,
            actor=ctx.actor,
        )
        return Done(
            text=_("已入账，谢谢您。") if taken.is_new else _("这张单据先前已经入账，没有重复入账"),
            url=reverse("billing:receipt", args=[taken.receipt_number]),
            data={"receipt": taken.receipt_number, "already_done": not taken.is_new},
        )
