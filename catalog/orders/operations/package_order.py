"""订购: one or several offers together."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount, User
from accounts.rules import Action
from accounts.selectors import accounts
from catalog.offers.models import Offer
from catalog.orders.operations.base import OnPackages, orderable
from catalog.orders.selectors.quoting import Wish
from catalog.orders.selectors.takes import HeldNumber
from core import clock
from core.money import display
from core.prepared import Prepared, any_of
from operations.forms import OperationForm
from operations.registry import register
from resources.models import NumberPeriod
from resources.operations import holder
from resources.selectors import numbers

_ACCOUNT = Prepared(
    lambda user, number: accounts.where(User(pk=user), Action.ORDER).filter(number=number),
    user=int,
    number=str,
)
_DISCLOSED = Prepared(
    lambda codes, as_of: Offer.objects.disclosed(as_of).filter(any_of("code", codes)),
    codes=list,
    as_of=datetime,
)


class _Late:
    """A field whose choices are asked for when they are shown: who submits has no use for them."""

    late: Callable[[], Any] | None = None

    @property
    def queryset(self) -> Any:
        return self.late() if self.late is not None else self._queryset

    @queryset.setter
    def queryset(self, rows: Any) -> None:
        self._queryset = rows


class AccountField(_Late, forms.ModelChoiceField[BillingAccount]):
    """One of the accounts on which he may order; what was chosen is read by a query that is built once."""

    user_id: int | None = None

    def to_python(self, value: Any) -> BillingAccount | None:
        if value in self.empty_values:
            return None
        self.validate_no_null_characters(value)
        found = _ACCOUNT.first(user=self.user_id, number=str(value))
        if found is None:
            message = self.error_messages["invalid_choice"]
            raise forms.ValidationError(message, code="invalid_choice", params={"value": value})
        return found


class OffersField(_Late, forms.ModelMultipleChoiceField[Offer]):
    """Offers that are disclosed; those that were chosen are read likewise."""

    as_of: datetime

    def _check_values(self, value: Any) -> Any:
        """What Django does with a query for each form."""
        codes = sorted({str(code) for code in value})
        for code in codes:
            self.validate_no_null_characters(code)
        found = _DISCLOSED.rows(codes=codes, as_of=self.as_of)
        if missing := set(codes) - {offer.code for offer in found}:
            message = self.error_messages["invalid_choice"]
            raise forms.ValidationError(
                message, code="invalid_choice", params={"value": next(v for v in value if str(v) in missing)}
            )
        return found


class OrderForm(OperationForm):
    """`offers`: everything that is ordered together, nothing ticked beforehand but what the customer came for."""

    account = AccountField(
        label=_("户号"), queryset=BillingAccount.objects.none(), to_field_name="number", empty_label=None
    )
    offers = OffersField(
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
    number = forms.RegexField(
        r"^[0-9]{3,15}$",
        label=_("号码"),
        required=False,
        widget=forms.Select,
        help_text=_("办理号卡时选一个已为您保留的号码"),
        error_messages={"invalid": _("请填写要选的号码，只填数字")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account, offers = self.fields["account"], self.fields["offers"]
        assert isinstance(account, AccountField)
        assert isinstance(offers, OffersField)
        account.user_id, offers.as_of = self.ctx.served.pk, self.ctx.as_of
        account.late = lambda: orderable(self.ctx.served)
        account.widget.choices = lambda: account.choices
        # What was on sale a moment ago is refused by name, not as an unknown choice.
        offers.late = lambda: Offer.objects.disclosed(self.ctx.as_of)
        offers.widget.choices = self._on_sale
        chosen: Any = self.fields["number"].widget
        chosen.choices = self._held

    def _on_sale(self) -> list[tuple[str, str]]:
        """Read when the page shows it and not before."""
        rows = Offer.objects.on_sale(self.ctx.as_of).order_by("type__position", "name")
        return [(row.code, str(row)) for row in rows]

    def _held(self) -> list[tuple[str, str]]:
        """The numbers that he holds now, with how long; another one is refused by name."""
        rows = numbers.holds_of(holder(self.ctx.served), as_of=self.ctx.as_of)
        return [("", str(_("不需要号码"))), *((row.number.digits, _kept(row)) for row in rows)]

    def clean_number(self) -> HeldNumber | None:
        digits = self.cleaned_data["number"]
        return HeldNumber(digits, holder(self.ctx.served)) if digits else None

    def clean_address(self) -> str:
        """The same address is the same home, however many spaces were typed."""
        return " ".join(self.cleaned_data["address"].split())


def _kept(row: NumberPeriod) -> str:
    """The number with its fee, and until when it is kept."""
    until = row.ends_at.astimezone(clock.SHANGHAI) if row.ends_at else None
    return gettext("%(digits)s，选号费 %(fee)s，保留到 %(until)s") % {
        "digits": row.number.digits,
        "fee": display(row.number.number_class.price_cents),
        "until": f"{until:%H:%M}" if until else "—",
    }


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
        return Wish(data["account"], add=codes, address=data["address"], number=data["number"])
