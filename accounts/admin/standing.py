"""Staff pages of how customers stand: tiers and segments, and what staff may say about them."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.models import Segment, SegmentMembership, Standing
from accounts.services import standing
from core import clock
from core.actor import Actor
from core.backoffice import EVERYWHERE, EditableAdmin, ReadOnlyAdmin
from core.reasoned import Reasoned, ReasonOnlyForm


class CorrectingForm(ReasonOnlyForm):
    is_correction = forms.BooleanField(
        label=_("补登过去的日期"),
        required=False,
        help_text=_("从过去的一天起算；已经出账的月份由下一次出账更正"),
        widget=UnfoldBooleanSwitchWidget,
    )


class FromForm(CorrectingForm):
    active_from = forms.DateField(label=_("生效日"), widget=UnfoldAdminDateWidget)
    active_to = forms.DateField(
        label=_("失效日"), required=False, help_text=_("长期有效不填"), widget=UnfoldAdminDateWidget
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("active_from"), data.get("active_to")
        if first and last and last <= first:
            self.add_error("active_to", forms.ValidationError(_("失效日应晚于生效日"), code="BAD_PERIOD"))
        return data


class TierForm(FromForm):
    tier = forms.RegexField(
        label=_("等级"), regex=r"[A-Z][A-Z0-9_]{0,19}", strip=True, widget=UnfoldAdminTextInputWidget
    )
    credit_days = forms.IntegerField(
        label=_("信用天数"), min_value=0, max_value=90, initial=0, widget=UnfoldAdminIntegerFieldWidget
    )
    priority = forms.IntegerField(
        label=_("服务优先级"), min_value=0, max_value=100, initial=0, widget=UnfoldAdminIntegerFieldWidget
    )


class SegmentField(forms.ModelChoiceField[Segment]):
    def label_from_instance(self, obj: Segment) -> str:
        return obj.name


class SegmentForm(FromForm):
    segment = SegmentField(
        label=_("客户群"), queryset=Segment.objects.order_by("code"), widget=UnfoldAdminSelectWidget
    )


class EndForm(CorrectingForm):
    ends_on = forms.DateField(
        label=_("失效日"), help_text=_("补登以外最早为今天"), widget=UnfoldAdminDateWidget
    )


def _set_tier(
    customer_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    standing.set_standing(customer_id=customer_id, as_of=as_of, **data)
    return _("等级已登记")


def _join(
    customer_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    segment: Segment = data.pop("segment")
    standing.join_segment(
        customer_id=customer_id, segment_code=segment.code, source="staff", as_of=as_of, **data
    )
    return _("已加入客户群")


def _end_tier(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    row = Standing.objects.get(pk=row_id)
    standing.end_standing(
        customer_id=row.customer_id, as_of=as_of, on=data["ends_on"], is_correction=data["is_correction"]
    )
    return _("等级已结束")


def _leave(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    row = SegmentMembership.objects.select_related("segment").get(pk=row_id)
    standing.leave_segment(
        customer_id=row.customer_id,
        segment_code=row.segment.code,
        as_of=as_of,
        on=data["ends_on"],
        is_correction=data["is_correction"],
    )
    return _("已退出客户群")


def _lasts(row: Any) -> bool:
    ends: date | None = row.active_to
    return ends is None or ends > clock.local_date(clock.now())


OF_CUSTOMER = (
    Reasoned(
        name="set-tier",
        title=_("设置等级"),
        explanation=_("客户从生效日起享有该等级；原等级到这一天为止。价格按账期最后一天的等级计算。"),
        permission="accounts.change_standing",
        applies=lambda customer: True,
        carry_out=_set_tier,
        icon="military_tech",
        form_class=TierForm,
    ),
    Reasoned(
        name="join-segment",
        title=_("加入客户群"),
        explanation=_("客户从生效日起属于该客户群，看得到为这一客户群发布的产品和优惠。"),
        permission="accounts.change_segmentmembership",
        applies=lambda customer: True,
        carry_out=_join,
        icon="group_add",
        form_class=SegmentForm,
    ),
)


@admin.register(Standing)
class StandingAdmin(ReadOnlyAdmin):
    region_path = "customer__region"
    list_display = ("customer", "tier", "credit_days", "priority", "active_from", "active_to")
    list_filter = ("tier",)
    list_select_related = ("customer",)
    search_fields = ("customer__number",)
    search_help_text = _("客户编号（完整）")
    ordering = ("-id",)
    fields = ("customer", "tier", "credit_days", "priority", "active_from", "active_to")
    reasoned = (
        Reasoned(
            name="end",
            title=_("结束等级"),
            explanation=_("客户从这一天起没有等级。"),
            permission="accounts.change_standing",
            applies=_lasts,
            carry_out=_end_tier,
            icon="event_busy",
            form_class=EndForm,
        ),
    )


@admin.register(Segment)
class SegmentAdmin(EditableAdmin):
    region_path = EVERYWHERE
    list_display = ("code", "name", "reason")
    search_fields = ("code",)
    search_help_text = _("代码（完整）")
    ordering = ("code",)
    fields = ("code", "name", "name_en", "reason", "reason_en")

    def get_readonly_fields(self, request: Any, obj: Any = None) -> tuple[str, ...]:
        """Offers and campaigns name a segment by its code."""
        return ("code",) if obj else ()


@admin.register(SegmentMembership)
class SegmentMembershipAdmin(ReadOnlyAdmin):
    region_path = "customer__region"
    list_display = ("customer", "segment", "source", "active_from", "active_to")
    list_filter = ("segment",)
    list_select_related = ("customer", "segment")
    search_fields = ("customer__number",)
    search_help_text = _("客户编号（完整）")
    ordering = ("-id",)
    fields = ("customer", "segment", "source", "active_from", "active_to")
    reasoned = (
        Reasoned(
            name="leave",
            title=_("退出客户群"),
            explanation=_("客户从这一天起不再属于该客户群。"),
            permission="accounts.change_segmentmembership",
            applies=_lasts,
            carry_out=_leave,
            icon="group_remove",
            form_class=EndForm,
        ),
    )
