"""Staff pages of devices."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from core import clock
from core.actor import Actor
from core.backoffice import EditableAdmin, ReadOnlyInline, ReasonForm, badge, moment
from core.errors import NotFound
from core.reasoned import Reasoned, ReasonOnlyForm
from resources.models import Device, DeviceHistory, DeviceState
from resources.models.devices import WITH_ACCOUNT
from resources.services import devices

_BY_HAND = [(state.value, state.label) for state in DeviceState if state not in WITH_ACCOUNT]
_TONES = {
    str(DeviceState.IN_STOCK): "ok",
    str(DeviceState.RESERVED): "wait",
    str(DeviceState.IN_USE): "ok",
    str(DeviceState.RETURNED): "wait",
    str(DeviceState.REPAIR): "warn",
    str(DeviceState.DAMAGED): "bad",
    str(DeviceState.LOST): "bad",
}


class StateForm(ReasonOnlyForm):
    state = forms.ChoiceField(label=_("新状态"), choices=_BY_HAND, widget=UnfoldAdminSelectWidget())


def _set_state(
    row_id: Any, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    serial = Device.objects.filter(pk=row_id).values_list("serial", flat=True).first()
    if serial is None:
        raise NotFound()
    state = DeviceState(data["state"])
    devices.set_state(serial=serial, state=state, actor=actor, as_of=as_of, reason=reason)
    return state.label


class DeviceForm(ReasonForm):
    class Meta:
        model = Device
        fields = ("serial", "kind", "sku", "region")


class DeviceHistoryInline(ReadOnlyInline):
    model = DeviceHistory
    verbose_name_plural = _("记录")
    fields = ("shown_at", "from_state", "to_state", "account", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


@admin.register(Device)
class DeviceAdmin(EditableAdmin):
    """New ones are added by hand; what happens to them is an action."""

    region_path = "region"
    form = DeviceForm
    list_display = ("serial", "kind", "sku", "region", "shown_state", "account")
    list_filter = ("kind", "state")
    list_select_related = ("region", "account")
    search_fields = ("serial", "account__number")
    search_help_text = _("序列号或户号（完整）")
    ordering = ("-id",)
    autocomplete_fields = ("region",)
    inlines = (DeviceHistoryInline,)
    shown_state = badge("state", _("状态"), _TONES)
    reasoned = (
        Reasoned(
            name="set-state",
            title=_("变更状态"),
            explanation=_("收回、送修、报损、丢失、重新入库；给客户的，由业务办理时自动登记。"),
            permission="resources.change_device",
            applies=lambda row: True,
            carry_out=_set_state,
            icon="sync_alt",
            form_class=StateForm,
        ),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("serial", "kind", "sku", "region", *(("state", "account") if obj else ()))

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return list(self.inlines) if obj else []  # what is not there yet has no history

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Device, form: Any, change: bool) -> None:
        made = devices.add(
            serial=obj.serial,
            kind=obj.kind,
            region_id=obj.region_id,
            sku=obj.sku,
            actor=Actor.user(request.user),
            as_of=clock.now(),
        )
        obj.pk, obj.created_at = made.pk, made.created_at
