"""What staff do about the device of what is held: exchange it, take it back. On the pages of subscriptions."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Exists, F, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from catalog.holdings.models import Subscription, SubscriptionState
from catalog.holdings.services import equipment
from core.actor import Actor
from core.errors import NotFound
from core.reasoned import Reasoned, ReasonOnlyForm
from resources.models import DeviceState

_OLD_BECOMES = [
    (state.value, state.label) for state in (DeviceState.RETURNED, DeviceState.DAMAGED, DeviceState.LOST)
]


class SwapForm(ReasonOnlyForm):
    serial = forms.CharField(label=_("新设备序列号"), max_length=40, widget=UnfoldAdminTextInputWidget())
    old_becomes = forms.ChoiceField(label=_("原设备"), choices=_OLD_BECOMES, widget=UnfoldAdminSelectWidget())


def number_of(row_id: Any) -> str:
    found = Subscription.objects.filter(pk=row_id).values_list("number", flat=True).first()
    if found is None:
        raise NotFound()
    return found


def _swap(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    equipment.swap(
        number=number_of(row_id),
        serial=data["serial"],
        old_becomes=DeviceState(data["old_becomes"]),
        actor=actor,
        as_of=as_of,
        reason=reason,
    )
    return gettext("已更换为 %(serial)s") % {"serial": data["serial"]}


def _take_device_back(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    device = equipment.take_back(number=number_of(row_id), actor=actor, as_of=as_of, reason=reason)
    return gettext("已收回 %(serial)s") % {"serial": device.serial}


def _has_device(row: Subscription) -> bool:
    return row.device_id is not None and row.state in (SubscriptionState.PENDING, SubscriptionState.ACTIVE)


def _device_is_due(row: Subscription) -> bool:
    over = row.state in (SubscriptionState.TERMINATED, SubscriptionState.CANCELLED)
    return over and row.device is not None and row.device.account_id == row.account_id


class DeviceFilter(admin.SimpleListFilter):
    """Over, and the customer still has the device."""

    title = _("设备")
    parameter_name = "device"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("due", _("已结束待收回"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "due":
            return queryset
        over = queryset.exclude(state__in=(SubscriptionState.PENDING, SubscriptionState.ACTIVE))
        held = Subscription.objects.filter(account=OuterRef("account"), device=OuterRef("device")).held()
        return over.filter(~Exists(held), device__account_id=F("account_id"))


ACTS = (
    Reasoned(
        name="swap-device",
        title=_("更换设备"),
        explanation=_("换成同一种类的另一台；这台设备上的业务全部重新授权到新设备。"),
        permission="resources.change_device",
        applies=_has_device,
        carry_out=_swap,
        icon="swap_horiz",
        form_class=SwapForm,
    ),
    Reasoned(
        name="take-device-back",
        title=_("收回设备"),
        explanation=_("业务已经结束，客户交回了设备：登记为已收回，等待检查。"),
        permission="resources.change_device",
        applies=_device_is_due,
        carry_out=_take_device_back,
        icon="assignment_return",
    ),
)
