"""Staff pages of what customers hold: to look at, and what staff may do about it, always with a reason."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.admin.region_filter import RegionFilter
from catalog.choices import SuspensionReason
from catalog.holdings import device_acts
from catalog.holdings.device_acts import number_of
from catalog.holdings.families import Family, FamilyInvitation, FamilyMember
from catalog.holdings.models import (
    Subscription,
    SubscriptionHistory,
    SubscriptionState,
    Suspension,
    Termination,
)
from catalog.holdings.services import families, subscriptions, suspensions
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, WhenFilter, badge, moment
from core.reasoned import Reasoned, ReasonOnlyForm

TONES = {
    str(SubscriptionState.PENDING): "wait",
    str(SubscriptionState.ACTIVE): "ok",
    str(SubscriptionState.TERMINATED): "warn",
    str(SubscriptionState.CANCELLED): "warn",
}
_BY_STAFF = [
    (reason.value, reason.label) for reason in (SuspensionReason.STAFF, SuspensionReason.FRAUD_CHECK)
]


class ReasonForSuspension(ReasonOnlyForm):
    because = forms.ChoiceField(label=_("停机原因"), choices=_BY_STAFF, widget=UnfoldAdminSelectWidget())


def _suspend(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    because = SuspensionReason(data["because"])
    outcome = suspensions.suspend(
        number=number_of(row_id), reason=because, actor=actor, as_of=as_of, note=reason
    )
    return because.label if outcome == subscriptions.Outcome.DONE else _("已经因此停机，没有变化")


def _resume(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    because = SuspensionReason(data["because"])
    suspensions.resume(number=number_of(row_id), reason=because, actor=actor, as_of=as_of)
    return _("这一停机原因已解除")


def _take_back(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    subscriptions.take_back_end(number=number_of(row_id), actor=actor, as_of=as_of, reason=reason)
    return _("已撤回，业务继续")


def _is_active(row: Subscription) -> bool:
    return row.state == SubscriptionState.ACTIVE


class OffFilter(admin.SimpleListFilter):
    """In use, and off: for whatever reason, or for one."""

    title = _("停机")
    parameter_name = "off"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("any", _("已停机")), *((reason.value, reason.label) for reason in SuspensionReason)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value()
        if wanted not in ("any", *SuspensionReason.values):
            return queryset
        open_ones = Suspension.objects.filter(subscription=OuterRef("pk"), ends_on=None)
        if wanted != "any":
            open_ones = open_ones.filter(reason=wanted)
        return queryset.filter(Exists(open_ones), state=SubscriptionState.ACTIVE)


class SubscriptionHistoryInline(ReadOnlyInline):
    model = SubscriptionHistory
    verbose_name_plural = _("变更记录")
    fields = ("shown_at", "from_state", "to_state", "begins_on", "ends_on", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


class SuspensionInline(ReadOnlyInline):
    model = Suspension
    fields = ("reason", "begins_on", "ends_on", "opened_by", "closed_by", "note")
    ordering = ("id",)


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("number", "account", "offer", "shown_state", "begins_on", "ends_on", "committed_until")
    list_filter = ("state", OffFilter, device_acts.DeviceFilter, RegionFilter)
    list_select_related = ("account", "offer")
    search_fields = ("number", "account__number", "service_number")
    search_help_text = _("订购编号、户号或号码（完整）")
    ordering = ("-id",)
    fields = (
        "number",
        "account",
        "payer",
        "offer",
        "shown_state",
        "begins_on",
        "ends_on",
        "end_slip",
        "committed_until",
        "paid_until",
        "follows",
        "device",
        "service_number",
        "address",
        "source",
        "source_number",
        "created",
    )
    inlines = (SuspensionInline, SubscriptionHistoryInline)
    shown_state = badge("state", _("状态"), TONES)
    created = moment("created_at", _("写入时间"))
    reasoned = (
        Reasoned(
            name="suspend",
            title=_("停机"),
            explanation=_("管理停机或涉诈核验。客户在“我的业务”看到原因和恢复办法；缴费不会解除它。"),
            permission="catalog.change_suspension",
            applies=_is_active,
            carry_out=_suspend,
            icon="pause_circle",
            form_class=ReasonForSuspension,
        ),
        Reasoned(
            name="resume",
            title=_("复机"),
            explanation=_("解除所选的停机原因；没有其他原因时恢复服务。欠费停机在缴清后自动解除。"),
            permission="catalog.change_suspension",
            applies=_is_active,
            carry_out=_resume,
            icon="play_circle",
            form_class=ReasonForSuspension,
        ),
        Reasoned(
            name="take-back",
            title=_("撤回退订或变更"),
            explanation=_("客户改变主意，且还没有到生效日：业务照旧，待生效的变更取消。"),
            permission="catalog.change_subscription",
            applies=lambda row: _is_active(row) and row.end_slip_id is not None,
            carry_out=_take_back,
            icon="undo",
        ),
        *device_acts.ACTS,
    )


@admin.register(Suspension)
class SuspensionAdmin(ReadOnlyAdmin):
    region_path = "subscription__account__region"
    list_display = ("subscription", "reason", "begins_on", "ends_on", "opened_by", "closed_by")
    list_filter = ("reason", ("opened_at", WhenFilter))
    list_select_related = ("subscription",)
    search_fields = ("subscription__number",)
    search_help_text = _("订购编号（完整）")
    ordering = ("-id",)
    fields = (
        "subscription",
        "reason",
        "begins_on",
        "ends_on",
        "opened",
        "opened_by",
        "closed",
        "closed_by",
        "note",
    )
    opened = moment("opened_at", _("办理停机时间"))
    closed = moment("closed_at", _("办理复机时间"))


@admin.register(Termination)
class TerminationAdmin(ReadOnlyAdmin):
    region_path = "subscription__account__region"
    list_display = ("subscription", "reason", "slip", "actor", "when")
    list_filter = ("reason", ("at", WhenFilter))
    list_select_related = ("subscription", "slip")
    search_fields = ("subscription__number",)
    search_help_text = _("订购编号（完整）")
    ordering = ("-id",)
    fields = ("subscription", "reason", "slip", "shown_document", "notice", "suspension", "actor", "when")
    when = moment("at", _("时间"))

    @admin.display(description=_("文件"))
    def shown_document(self, row: Termination) -> Any:
        if row.document is None:
            return None
        return format_html('<a href="{}">{}</a>', reverse("upload", args=[row.document.token]), row.document)


class MemberInline(ReadOnlyInline):
    model = FamilyMember
    fields = ("account", "active_from", "active_to", "agreed")
    ordering = ("id",)


@admin.register(Family)
class FamilyAdmin(ReadOnlyAdmin):
    region_path = "payer__region"
    list_display = ("number", "payer", "subscription", "created")
    list_select_related = ("payer", "subscription")
    search_fields = ("number", "payer__number")
    search_help_text = _("编号或付费户号（完整）")
    ordering = ("-id",)
    fields = ("number", "payer", "subscription", "created")
    inlines = (MemberInline,)
    created = moment("created_at", _("建立时间"))


def _end_membership(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    families.end_membership(member_id=row_id, actor=actor, as_of=as_of)
    return _("从次月 1 日起自付")


@admin.register(FamilyMember)
class FamilyMemberAdmin(ReadOnlyAdmin):
    region_path = ("account__region", "family__payer__region")
    list_display = ("account", "family", "active_from", "active_to")
    list_select_related = ("account", "family")
    search_fields = ("account__number", "family__number")
    search_help_text = _("户号或家庭编号（完整）")
    ordering = ("-id",)
    fields = ("family", "account", "agreed", "active_from", "active_to")
    reasoned = (
        Reasoned(
            name="end",
            title=_("退出家庭"),
            explanation=_("从次月 1 日起，这个户号的费用由自己支付；户主收到短信。"),
            permission="catalog.change_familymember",
            applies=lambda row: row.active_to is None and row.account_id != row.family.payer_id,
            carry_out=_end_membership,
            icon="group_remove",
        ),
    )


@admin.register(FamilyInvitation)
class FamilyInvitationAdmin(ReadOnlyAdmin):
    region_path = "family__payer__region"
    list_display = ("reference", "family", "account_number", "shown_state", "created", "expires")
    list_filter = ("state",)
    list_select_related = ("family",)
    search_fields = ("reference", "account_number", "family__number")
    search_help_text = _("邀请编号、户号或家庭编号（完整）")
    ordering = ("-id",)
    fields = (
        "reference",
        "family",
        "account_number",
        "shown_state",
        "created",
        "expires",
        "ended",
        "ended_by",
    )
    tones = {"PENDING": "wait", "ACCEPTED": "ok", "DECLINED": "warn", "WITHDRAWN": "warn", "EXPIRED": "warn"}
    shown_state = badge("state", _("状态"), tones)
    created = moment("created_at", _("邀请时间"))
    expires = moment("expires_at", _("失效时间"))
    ended = moment("ended_at", _("结束时间"))
