"""增值业务开关: a value-added service on or off, in one step."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount
from catalog.holdings.models import Subscription
from catalog.offers.models import Offer
from catalog.orders import errors
from catalog.orders.operations.base import OnPackages, orderable
from catalog.orders.selectors.quoting import Wish
from operations.context import Context
from operations.forms import OperationForm
from operations.registry import register

ON, OFF = "on", "off"


class SwitchForm(OperationForm):
    account = forms.ModelChoiceField(
        label=_("户号"), queryset=BillingAccount.objects.none(), to_field_name="number", empty_label=None
    )
    offer = forms.ModelChoiceField(
        label=_("增值业务"), queryset=Offer.objects.none(), to_field_name="code", empty_label=None
    )
    switch = forms.ChoiceField(
        label=_("开通或关闭"), choices=((ON, _("开通")), (OFF, _("关闭"))), widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account, offer = self.fields["account"], self.fields["offer"]
        assert isinstance(account, forms.ModelChoiceField)
        assert isinstance(offer, forms.ModelChoiceField)
        account.queryset = orderable(self.ctx.served)
        offer.queryset = _value_added(self.ctx)


def _value_added(ctx: Context) -> Any:
    rows = Offer.objects.disclosed(ctx.as_of).filter(type__code__in=settings.ORDER_VALUE_ADDED_TYPES)
    return rows.order_by("name")


def _held(account: BillingAccount, offer: Offer) -> str | None:
    """The number under which the account holds it."""
    rows = Subscription.objects.filter(account=account, offer=offer).held().order_by("pk")
    return rows.values_list("number", flat=True).first()


@register
class VasSwitch(OnPackages):
    code = "vas.switch"
    title = _("开关增值业务")
    summary = _("开通和关闭一样方便")
    order = 92
    is_evidence = True  # of an end that takes effect at once
    form_class = SwitchForm

    def available(self, ctx: Context) -> bool:
        return super().available(ctx) and orderable(ctx.served).exists() and _value_added(ctx).exists()

    def wish(self, data: dict[str, Any]) -> Wish:
        account, offer = data["account"], data["offer"]
        held = _held(account, offer) if data["switch"] == OFF else None
        if data["switch"] == ON:
            return Wish(account, add=(offer.code,))
        return Wish(account, end=(held,) if held else ())

    def check(self, data: dict[str, Any]) -> None:
        held = _held(data["account"], data["offer"])
        if data["switch"] == ON and held:
            raise errors.AlreadyOn(offer=str(data["offer"]))
        if data["switch"] == OFF and not held:
            raise errors.AlreadyOff(offer=str(data["offer"]))
