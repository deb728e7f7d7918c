"""Staff pages of orders: the list by step, age and channel, the work page of what is stuck, retry and cancel."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from accounts.admin.region_filter import RegionFilter
from catalog.orders.models import Order, OrderHistory, OrderLine, OrderState
from catalog.orders.selectors import desk
from catalog.orders.services import handing, orders, retrying
from core import clock, scopes
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, WhenFilter, amount, badge, moment
from core.errors import NotFound
from core.reasoned import Reasoned, ReasonOnlyForm

URL = "admin:catalog_order_desk"
MOST_STUCK = 50
AGES: dict[str, str | Promise] = {
    "1h": _("1 小时内"),
    "24h": _("1 到 24 小时"),
    "3d": _("1 到 3 天"),
    "more": _("超过 3 天"),
}
TONES = {
    str(OrderState.SUBMITTED): "wait",
    str(OrderState.ACCEPTED): "wait",
    str(OrderState.IN_PROGRESS): "wait",
    str(OrderState.COMPLETED): "ok",
    str(OrderState.PARTIAL): "warn",
    str(OrderState.FAILED): "bad",
    str(OrderState.CANCELLED): "warn",
}


def _number(row_id: Any) -> str:
    found = Order.objects.filter(pk=row_id).values_list("number", flat=True).first()
    if found is None:
        raise NotFound()
    return found


def _retry(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    retrying.retry(number=_number(row_id), actor=actor, as_of=as_of, reason=reason)
    return _("已重新提交开通")


def _cancel(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    order = orders.give_up(number=_number(row_id), code=orders.BY_STAFF, actor=actor, as_of=as_of)
    return OrderState(order.state).label


def _hand_over(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    handing.hand_over(
        number=_number(row_id),
        position=data["position"],
        serial=data["serial"],
        actor=actor,
        as_of=as_of,
        reason=reason,
    )
    return gettext("已登记交付 %(serial)s") % {"serial": data["serial"]}


def _next_position(row: Order) -> dict[str, Any]:
    return {"position": handing.lines(row).values_list("position", flat=True).first()}


def _is_under_way(row: Order) -> bool:
    return row.finished_at is None


class HandOverForm(ReasonOnlyForm):
    position = forms.IntegerField(
        label=_("订单明细序号"), min_value=1, widget=UnfoldAdminIntegerFieldWidget()
    )
    serial = forms.CharField(label=_("设备序列号"), max_length=40, widget=UnfoldAdminTextInputWidget())


class AgeFilter(admin.SimpleListFilter):
    """For how long an order is in its state."""

    title = _("停留时间")
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(AGES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return desk.aged(queryset, self.value() or "", as_of=clock.now())


class OrderLineInline(ReadOnlyInline):
    model = OrderLine
    fields = (
        "position", "action", "offer", "subscription", "goods", "service_number", "shown_amount", "effective_on",
        "state", "error",
    )  # fmt: skip
    readonly_fields = ("shown_amount",)
    ordering = ("position",)
    shown_amount = amount("amount_cents", _("一次性金额"))


class OrderHistoryInline(ReadOnlyInline):
    model = OrderHistory
    fields = ("shown_at", "from_state", "to_state", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("number", "account", "shown_state", "channel", "submitted", "since", "promised")
    list_filter = ("state", AgeFilter, "channel", ("submitted_at", WhenFilter), RegionFilter)
    list_select_related = ("account",)
    search_fields = ("number", "slip_number", "account__number")
    search_help_text = _("订单号、受理编号或户号（完整）")
    ordering = ("-id",)
    fields = (
        "number",
        "account",
        "user",
        "slip_number",
        "channel",
        "state",
        "bill",
        "submitted",
        "since",
        "due",
        "promised",
        "finished",
    )
    inlines = (OrderLineInline, OrderHistoryInline)
    shown_state = badge("state", _("状态"), TONES)
    submitted = moment("submitted_at", _("提交时间"))
    since = moment("state_since", _("进入当前状态时间"))
    due = moment("due_at", _("付款期限"))
    promised = moment("promised_at", _("承诺完成时间"))
    finished = moment("finished_at", _("结束时间"))
    reasoned = (
        Reasoned(
            name="retry",
            title=_("重新开通"),
            explanation=_("失败的开通指令重新提交，对方不会重复执行；已付款而没有开始的马上开始。"),
            permission="catalog.retry_order",
            applies=_is_under_way,
            carry_out=_retry,
        ),
        Reasoned(
            name="cancel",
            title=_("取消订单"),
            explanation=_("还没有开通的部分不再开通，不收费，已付的存入账户余额，并短信告知客户。"),
            permission="catalog.cancel_order",
            applies=_is_under_way,
            carry_out=_cancel,
            icon="cancel",
        ),
        Reasoned(
            name="hand-over",
            title=_("交付设备"),
            explanation=_("把这台设备交给客户并登记到业务上；须是订单所含的货号，且属于客户所在的区域。"),
            permission="resources.change_device",
            applies=lambda row: handing.lines(row).exists(),
            carry_out=_hand_over,
            icon="devices",
            form_class=HandOverForm,
            initial=_next_position,
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.desk_view)
        return [path("desk/", view, name="catalog_order_desk"), *super().get_urls()]

    def desk_view(self, request: HttpRequest) -> HttpResponse:
        """Orders by step and age, what is stuck, and the share of each product that needed nobody."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        as_of, sight = clock.now(), scopes.sight(request.user)
        stuck = desk.stuck(sight, as_of=as_of)
        changelist = reverse("admin:catalog_order_changelist")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("订单流转"),
            "ages": [str(label) for label in AGES.values()],
            "steps": [
                {
                    "step": step,
                    "cells": _cells(step, changelist),
                    "url": f"{changelist}?state__exact={step.state}",
                }
                for step in desk.by_step(sight(Order.objects.all()), as_of=as_of)
            ],
            "stuck": list(stuck.prefetch_related("lines__offer")[:MOST_STUCK]),
            "stuck_count": stuck.count(),
            "automated": desk.automated(sight, as_of=as_of),
            "as_of": as_of,
            "changelist": changelist,
        }
        return TemplateResponse(request, "backoffice/orders.html", context)


def _cells(step: desk.Step, changelist: str) -> list[tuple[int, str]]:
    """Each age's figure with the list that it counts."""
    return [
        (count, f"{changelist}?state__exact={step.state}&age={code}")
        for (code, _most), count in zip(desk.AGES, step.counts, strict=True)
    ]


def may_open(user: Any) -> bool:
    return bool(user.has_perm("catalog.view_order") or user.has_perm("catalog.retry_order"))
