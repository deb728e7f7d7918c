"""What the actions on offers, rules and prices ask for beside the reason."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Customer, Region
from catalog.choices import AfterLast, Charge
from core.errors import HallError
from core.money import parse_yuan
from core.reasoned import ReasonOnlyForm

MOST_STEPS = 12  # terminals with a price of their own


def day(label: Any, **more: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}), **more)


def yuan(text: str) -> int:
    """Fen, or a form's error."""
    try:
        return parse_yuan(text.strip())
    except HallError as error:
        raise forms.ValidationError(error.text, code=error.code) from error


class PublishForm(ReasonOnlyForm):
    at = forms.DateTimeField(
        label=_("发布时间"),
        required=False,
        help_text=_("留空：现在。到这一分钟起所有人可见，不需要再操作"),
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
    )


class EndForm(ReasonOnlyForm):
    ends_on = day(_("从哪天起不再有效"), help_text=_("最早明天"))


class PriceForm(ReasonOnlyForm):
    charge = forms.ChoiceField(label=_("费用"), choices=Charge.choices, widget=UnfoldAdminSelectWidget)
    amounts = forms.CharField(
        label=_("金额（元）"),
        max_length=200,
        help_text=_("按终端计费的依次写第 1、2、3……台，用逗号分开，如 26, 5, 5；其他只写一个"),
        widget=UnfoldAdminTextInputWidget,
    )
    after_last = forms.ChoiceField(
        label=_("其后的终端"), choices=AfterLast.choices, widget=UnfoldAdminSelectWidget
    )
    region = forms.ModelChoiceField(
        label=_("区域"),
        queryset=Region.objects.order_by("code"),
        required=False,
        empty_label=_("全部地区"),
        widget=UnfoldAdminSelectWidget,
    )
    customer_kind = forms.ChoiceField(
        label=_("客户类型"),
        choices=[("", _("全部客户")), *Customer.Kind.choices],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    active_from = day(
        _("生效日"), help_text=_("已发布的产品最早明天，涨价须等今天的报价都过期；原价到这一天为止")
    )
    active_to = day(_("失效日"), required=False, help_text=_("留空：一直有效"))
    source = forms.CharField(
        label=_("依据"), max_length=120, required=False, widget=UnfoldAdminTextInputWidget
    )

    def clean_amounts(self) -> list[int]:
        parts = self.cleaned_data["amounts"].replace("，", ",").split(",")
        if len(parts) > MOST_STEPS:
            raise forms.ValidationError(_("最多 12 档"), code="TOO_MANY_STEPS")
        return [yuan(part) for part in parts]


class ExceptionForm(ReasonOnlyForm):
    account = forms.CharField(label=_("户号"), max_length=32, widget=UnfoldAdminTextInputWidget)
    charge = forms.ChoiceField(label=_("费用"), choices=Charge.choices, widget=UnfoldAdminSelectWidget)
    amount = forms.CharField(
        label=_("金额（元）"),
        max_length=20,
        help_text=_("代替公示价格，不再享受其他优惠"),
        widget=UnfoldAdminTextInputWidget,
    )
    active_from = day(_("生效日"))
    active_to = day(_("失效日"), help_text=_("必填：这一天起恢复公示价格"))

    def clean_amount(self) -> int:
        return yuan(self.cleaned_data["amount"])
