"""退订: what is held ends; within its days of return as if it had never been. As easy as ordering."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from catalog.holdings.models import Subscription
from catalog.orders.operations.base import HeldField, OnPackages, held_of
from catalog.orders.selectors.quoting import Wish
from operations.context import Context
from operations.forms import OperationForm
from operations.registry import register


class CancelForm(OperationForm):
    subscription = HeldField(
        label=_("要退订的业务"),
        queryset=Subscription.objects.none(),
        to_field_name="number",
        empty_label=None,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        subscription = self.fields["subscription"]
        assert isinstance(subscription, HeldField)
        subscription.queryset = held_of(self.ctx.served).order_by("account__number", "number")


@register
class PackageCancel(OnPackages):
    code = "package.cancel"
    title = _("退订业务")
    summary = _("犹豫期内退订不收费；违约金和退款先看清再确认")
    order = 91
    is_evidence = True  # of an end that takes effect at once
    form_class = CancelForm
    page_url_name = "catalog:cancel"

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated) and held_of(ctx.served).exists()

    def wish(self, data: dict[str, Any]) -> Wish:
        held: Subscription = data["subscription"]
        return Wish(held.account, end=(held.number,), address=held.address)
