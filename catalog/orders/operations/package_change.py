"""变更: what is held turns into another offer."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from catalog.holdings.models import Subscription
from catalog.offers.models import Offer, OfferRelation
from catalog.orders import errors
from catalog.orders.operations.base import HeldField, OnPackages, held_of
from catalog.orders.selectors.quoting import Wish
from operations.context import Context
from operations.forms import OperationForm
from operations.registry import register

_PATHS = (OfferRelation.Kind.UPGRADES_TO, OfferRelation.Kind.DOWNGRADES_TO)


class ChangeForm(OperationForm):
    subscription = HeldField(
        label=_("现在的业务"), queryset=Subscription.objects.none(), to_field_name="number", empty_label=None
    )
    offer = forms.ModelChoiceField(
        label=_("变更为"), queryset=Offer.objects.none(), to_field_name="code", empty_label=None
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        subscription, offer = self.fields["subscription"], self.fields["offer"]
        assert isinstance(subscription, HeldField)
        assert isinstance(offer, forms.ModelChoiceField)
        subscription.queryset = held_of(self.ctx.served).order_by("account__number", "number")
        offer.queryset = Offer.objects.disclosed(self.ctx.as_of).order_by("type__position", "name")


def leads_to(held: Offer, other: Offer) -> bool:
    """Whether one may turn into the other: of one type, of one group, or along a relation."""
    if held.type_id == other.type_id or (held.group and held.group == other.group):
        return True
    return OfferRelation.objects.filter(offer=held, other=other, kind__in=_PATHS).exists()


@register
class PackageChange(OnPackages):
    code = "package.change"
    title = _("变更套餐")
    summary = _("升级当天生效，降级次月生效；先看差价")
    order = 90
    is_evidence = True  # of the end of what it takes the place of, which may take effect at once
    form_class = ChangeForm
    page_url_name = "catalog:change"

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated) and held_of(ctx.served).exists()

    def wish(self, data: dict[str, Any]) -> Wish:
        held: Subscription = data["subscription"]
        return Wish(held.account, turn={held.number: data["offer"].code}, address=held.address)

    def check(self, data: dict[str, Any]) -> None:
        held, other = data["subscription"].offer, data["offer"]
        if not leads_to(held, other):
            raise errors.NotAChange(offer=str(other))
