"""订购: one or several offers together."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount
from catalog.offers.models import Offer
from catalog.orders.operations.base import OnPackages, orderable
from catalog.orders.selectors.quoting import Wish
from operations.forms import OperationForm
from operations.registry import register


class OrderForm(OperationForm):
    """`offers`: everything that is ordered together, nothing ticked beforehand but what the customer came for."""

    account = forms.ModelChoiceField(
        label=_("户号"), queryset=BillingAccount.objects.none(), to_field_name="number", empty_label=None
    )
    offers = forms.ModelMultipleChoiceField(
        label=_("产品"),
        queryset=Offer.objects.none(),
        to_field_name="code",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _("没有“%(value)s”这个产品"), "required": _("请选择要订购的产品")},
    )
    address = forms.CharField(
        label=_("装机地址"),
        max_length=300,
        required=False,
        help_text=_("不填就是户号的地址；装在别处时填写"),
        widget=forms.TextInput(attrs={"list": "known-addresses", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account, offers = self.fields["account"], self.fields["offers"]
        assert isinstance(account, forms.ModelChoiceField)
        assert isinstance(offers, forms.ModelMultipleChoiceField)
        account.queryset = orderable(self.ctx.served)
        # What was on sale a moment ago is refused by name, not as an unknown choice.
        offers.queryset = Offer.objects.disclosed(self.ctx.as_of)
        offers.widget.choices = self._on_sale

    def _on_sale(self) -> list[tuple[str, str]]:
        """Read when the page shows it and not before."""
        rows = Offer.objects.on_sale(self.ctx.as_of).order_by("type__position", "name")
        return [(row.code, str(row)) for row in rows]

    def clean_address(self) -> str:
        """The same address is the same home, however many spaces were typed."""
        return " ".join(self.cleaned_data["address"].split())


@register
class PackageOrder(OnPackages):
    code = "package.order"
    title = _("订购套餐")
    summary = _("先看清下一张账单会是多少，再确认")
    order = 15
    form_class = OrderForm
    page_url_name = "catalog:order"

    def wish(self, data: dict[str, Any]) -> Wish:
        codes = tuple(sorted(offer.code for offer in data["offers"]))
        return Wish(data["account"], add=codes, address=data["address"])
