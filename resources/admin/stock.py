"""Staff pages of stock: what lies where now, what is on its way, what was moved by whom."""

import secrets
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from core.actor import Actor
from core.backoffice import EditableAdmin, ReadOnlyAdmin, ReadOnlyInline, ReasonForm, badge, moment
from core.errors import NotFound
from core.reasoned import Reasoned, ReasonOnlyForm
from resources.models import (
    LowStock,
    Reservation,
    ReservationHistory,
    ReservationState,
    StockItem,
    StockMove,
    Transfer,
    TransferHistory,
    TransferState,
)
from resources.services import reservations, stock, transfers

CHANGE = "resources.change_stockitem"


def _new_key() -> str:
    return f"staff:{secrets.token_hex(16)}"


class QuantityForm(ReasonOnlyForm):
    """The key makes a second press of the button the same request."""

    quantity = forms.IntegerField(label=_("数量"), min_value=1, widget=UnfoldAdminIntegerFieldWidget())
    request_key = forms.CharField(widget=forms.HiddenInput(), max_length=80, initial=_new_key)


class CountForm(ReasonOnlyForm):
    found = forms.IntegerField(
        label=_("实际可用件数"),
        min_value=0,
        help_text=_("不含已预留的"),
        widget=UnfoldAdminIntegerFieldWidget(),
    )


class LineForm(ReasonOnlyForm):
    low_at = forms.IntegerField(
        label=_("低库存线"),
        min_value=0,
        required=False,
        help_text=_("留空则不告警"),
        widget=UnfoldAdminIntegerFieldWidget(),
    )


class SendForm(QuantityForm):
    target = forms.CharField(
        label=_("发往（区域代码）"),
        max_length=20,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )


def _receive(
    row_id: Any, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    stock.receive(
        item_id=row_id,
        quantity=data["quantity"],
        key=data["request_key"],
        actor=actor,
        as_of=as_of,
        reason=reason,
    )
    return _("已入库")


def _count(row_id: Any, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    moved = stock.count(item_id=row_id, found=data["found"], actor=actor, as_of=as_of, reason=reason)
    return _("已按盘点调整") if moved else _("账实相符，没有调整")


def _set_line(
    row_id: Any, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    stock.set_line(item_id=row_id, low_at=data["low_at"], as_of=as_of)
    return _("低库存线已设置")


def _send(row_id: Any, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    item = StockItem.objects.filter(pk=row_id).first()
    target = StockItem.objects.filter(sku=item.sku, place__code=data["target"]).first() if item else None
    if target is None:
        raise NotFound()
    transfers.send(
        key=data["request_key"],
        source_id=row_id,
        target_id=target.pk,
        quantity=data["quantity"],
        actor=actor,
        as_of=as_of,
        reason=reason,
    )
    return _("已发出，对方收到后请对方确认到货")


class LowFilter(admin.SimpleListFilter):
    title = _("库存")
    parameter_name = "level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("low", _("低于告警线")), ("none", _("无货"))]

    def queryset(self, request: HttpRequest, rows: QuerySet[StockItem]) -> QuerySet[StockItem]:
        if self.value() == "low":
            return rows.filter(low_at__gte=F("available"))
        return rows.filter(available=0) if self.value() == "none" else rows


class StockItemForm(ReasonForm):
    class Meta:
        model = StockItem
        fields = ("sku", "name", "place", "low_at")


@admin.register(StockItem)
class StockItemAdmin(EditableAdmin):
    """New kinds and places are added by hand, begin at nothing, and are changed by the actions alone."""

    region_path = "place"
    form = StockItemForm
    list_display = ("sku", "name", "place", "available", "reserved", "in_transit", "low_at", "low")
    list_filter = (LowFilter,)
    list_select_related = ("place",)
    search_fields = ("sku",)
    search_help_text = _("货号（完整）")
    ordering = ("sku", "place_id")
    autocomplete_fields = ("place",)
    reasoned = (
        Reasoned(
            name="receive",
            title=_("入库"),
            explanation=_("从外面到货，可用数增加。"),
            permission=CHANGE,
            applies=lambda row: True,
            carry_out=_receive,
            icon="add",
            form_class=QuantityForm,
        ),
        Reasoned(
            name="send",
            title=_("调拨"),
            explanation=_("发往另一个地点的同一货号：这里减少，那里记为在途。"),
            permission=CHANGE,
            applies=lambda row: row.available > 0,
            carry_out=_send,
            icon="local_shipping",
            form_class=SendForm,
        ),
        Reasoned(
            name="count",
            title=_("盘点"),
            explanation=_("把可用数改为实际清点的件数，差额记入流水。"),
            permission=CHANGE,
            applies=lambda row: True,
            carry_out=_count,
            icon="checklist",
            form_class=CountForm,
        ),
        Reasoned(
            name="line",
            title=_("设置低库存线"),
            explanation=_("可用数到这条线时告警。"),
            permission=CHANGE,
            applies=lambda row: True,
            carry_out=_set_line,
            icon="notification_important",
            form_class=LineForm,
            initial=lambda row: {"low_at": row.low_at},
        ),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        levels = ("available", "reserved", "in_transit") if obj else ()
        return ("sku", "name", "place", "low_at", *levels)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("告警"), boolean=True)
    def low(self, item: StockItem) -> bool:
        return not item.is_low


@admin.register(StockMove)
class StockMoveAdmin(ReadOnlyAdmin):
    region_path = "item__place"
    list_display = ("shown_at", "item", "kind", "available", "reserved", "in_transit", "actor", "reason")
    list_filter = ("kind",)
    list_select_related = ("item",)
    search_fields = ("item__sku",)
    search_help_text = _("货号（完整）")
    ordering = ("-id",)
    fields = (
        "shown_at",
        "item",
        "kind",
        "available",
        "reserved",
        "in_transit",
        "reservation",
        "transfer",
        "actor",
        "reason",
    )
    shown_at = moment("at", _("时间"))


class ReservationHistoryInline(ReadOnlyInline):
    model = ReservationHistory
    verbose_name_plural = _("状态记录")
    fields = ("shown_at", "from_state", "to_state", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


def _release(row_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    key = Reservation.objects.filter(pk=row_id).values_list("key", flat=True).first()
    if key is None:
        raise NotFound()
    reservations.release(key=key, actor=actor, as_of=as_of, reason=reason)
    return _("已释放")


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    region_path = "item__place"
    list_display = ("item", "quantity", "holder", "shown_state", "created", "expires")
    list_filter = ("state",)
    list_select_related = ("item",)
    search_fields = ("holder", "key")
    search_help_text = _("预留给谁，或请求编号（完整）")
    ordering = ("-id",)
    fields = ("item", "quantity", "holder", "key", "state", "created", "expires")
    inlines = (ReservationHistoryInline,)
    shown_state = badge(
        "state",
        _("状态"),
        {
            str(ReservationState.HELD): "wait",
            str(ReservationState.CONFIRMED): "ok",
            str(ReservationState.CONSUMED): "ok",
            str(ReservationState.RELEASED): "warn",
            str(ReservationState.EXPIRED): "warn",
        },
    )
    created = moment("created_at", _("产生时间"))
    expires = moment("expires_at", _("到期时间"))
    reasoned = (
        Reasoned(
            name="release",
            title=_("释放预留"),
            explanation=_("这些货马上可以给别人。"),
            permission="resources.change_reservation",
            applies=lambda row: row.state in (ReservationState.HELD, ReservationState.CONFIRMED),
            carry_out=_release,
            icon="lock_open",
        ),
    )


class TransferHistoryInline(ReadOnlyInline):
    model = TransferHistory
    verbose_name_plural = _("状态记录")
    fields = ("shown_at", "from_state", "to_state", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


class ArriveForm(ReasonOnlyForm):
    quantity = forms.IntegerField(
        label=_("到货数量"),
        min_value=0,
        help_text=_("少到的部分从账上减去，请在原因里写明"),
        widget=UnfoldAdminIntegerFieldWidget(),
    )


def _key_of_transfer(row_id: Any) -> str:
    key = Transfer.objects.filter(pk=row_id).values_list("key", flat=True).first()
    if key is None:
        raise NotFound()
    return key


def _arrive(
    row_id: Any, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    transfers.arrive(
        key=_key_of_transfer(row_id), quantity=data["quantity"], actor=actor, as_of=as_of, reason=reason
    )
    return _("已到货")


def _call_back(row_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    transfers.call_back(key=_key_of_transfer(row_id), actor=actor, as_of=as_of, reason=reason)
    return _("已退回发出地")


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    """Seen at both ends."""

    region_path = ("source__place", "target__place")
    list_display = ("source", "target", "quantity", "arrived_quantity", "shown_state", "sent")
    list_filter = ("state",)
    list_select_related = ("source", "target")
    search_fields = ("key",)
    search_help_text = _("请求编号（完整）")
    ordering = ("-id",)
    fields = ("source", "target", "quantity", "arrived_quantity", "state", "sent", "key")
    inlines = (TransferHistoryInline,)
    shown_state = badge(
        "state",
        _("状态"),
        {
            str(TransferState.UNDER_WAY): "wait",
            str(TransferState.ARRIVED): "ok",
            str(TransferState.CANCELLED): "warn",
        },
    )
    sent = moment("sent_at", _("发出时间"))
    reasoned = (
        Reasoned(
            name="arrive",
            title=_("确认到货"),
            explanation=_("在途变为可用。"),
            permission="resources.change_transfer",
            applies=lambda row: row.state == TransferState.UNDER_WAY,
            carry_out=_arrive,
            icon="inventory",
            form_class=ArriveForm,
            initial=lambda row: {"quantity": row.quantity},
        ),
        Reasoned(
            name="call-back",
            title=_("退回发出地"),
            explanation=_("没有发走，或整批退回。"),
            permission="resources.change_transfer",
            applies=lambda row: row.state == TransferState.UNDER_WAY,
            carry_out=_call_back,
            icon="undo",
        ),
    )


@admin.register(LowStock)
class LowStockAdmin(ReadOnlyAdmin):
    region_path = "item__place"
    list_display = ("item", "available", "raised", "ended")
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    list_select_related = ("item",)
    search_fields = ("item__sku",)
    search_help_text = _("货号（完整）")
    ordering = ("-id",)
    fields = ("item", "available", "raised", "ended")
    raised = moment("raised_at", _("告警时间"))
    ended = moment("ended_at", _("恢复时间"))
