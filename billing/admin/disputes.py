from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from billing.models import Dispute, DisputeHistory, DisputeState, LargeBill
from billing.services.bills import dispute_files, disputes, large_bills
from core import clock
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, WhenFilter, amount, badge, moment
from core.money import display as yuan
from core.reasoned import Reasoned, ReasonOnlyForm
from core.uploads import files

TONES = {
    str(DisputeState.OPEN): "wait",
    str(DisputeState.UPHELD): "ok",
    str(DisputeState.REJECTED): "warn",
    str(DisputeState.WITHDRAWN): "warn",
}


class AnswerForm(ReasonOnlyForm):
    outcome = forms.ChoiceField(
        label=_("结果"),
        choices=[(state.value, state.label) for state in DisputeState if state != DisputeState.OPEN],
        widget=UnfoldAdminSelectWidget(),
    )
    answer = forms.CharField(
        label=_("给客户的答复"),
        required=False,
        max_length=disputes.LONGEST_TEXT,
        help_text=_("客户会看到；撤回时可以不填"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )


def _answer(
    dispute_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    closed = disputes.close(
        dispute_id=dispute_id,
        state=DisputeState(data["outcome"]),
        answer=data["answer"],
        reason=reason,
        actor=actor,
        as_of=as_of,
    )
    return DisputeState(closed.state).label


def _checked(bill_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    large_bills.check(bill_id=bill_id, actor=actor, reason=reason, as_of=as_of)
    return _("已核查")


class LateFilter(admin.SimpleListFilter):
    """Open disputes whose promised day is over."""

    title = _("答复时限")
    parameter_name = "late"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("已超时"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "yes":
            return queryset.filter(
                state=DisputeState.OPEN, promised_on__lt=clock.local_date(clock.now())
            ).order_by("promised_on", "pk")
        return queryset


class DisputeHistoryInline(ReadOnlyInline):
    model = DisputeHistory
    verbose_name_plural = _("状态记录")
    fields = ("shown_at", "from_state", "to_state", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    region_path = "bill__account__region"
    list_display = ("number", "bill", "cause", "shown_state", "promised_on", "created", "closed")
    list_filter = ("state", LateFilter, "cause", ("created_at", WhenFilter))
    list_select_related = ("bill",)
    search_fields = ("number", "bill__number")
    search_help_text = _("异议单号或账单号（完整）")
    ordering = ("-id",)
    fields = (
        "number",
        "bill",
        "account",
        "bill_amount",
        "cause",
        "text",
        "raised_by",
        "state",
        "promised_on",
        "created",
        "answer",
        "closed",
        "attachments",
    )
    inlines = (DisputeHistoryInline,)
    shown_state = badge("state", _("状态"), TONES)
    created = moment("created_at", _("提出时间"))
    closed = moment("closed_at", _("办结时间"))
    reasoned = (
        Reasoned(
            name="answer",
            title=_("答复客户"),
            explanation=_("异议办结，客户收到短信并在账单页看到答复。异议成立需要减免的，另做调账。"),
            permission="billing.change_dispute",
            applies=lambda dispute: dispute.is_open,
            carry_out=_answer,
            icon="reply",
            form_class=AnswerForm,
        ),
    )

    @admin.display(description=_("附件"))
    def attachments(self, dispute: Dispute) -> Any:
        found = files.of(dispute_files.KIND.code, dispute.number)
        links = ((reverse("upload", args=[each.token]), each.name) for each in found)
        return format_html_join(" · ", '<a href="{}">{}</a>', links) or None

    @admin.display(description=_("户号"))
    def account(self, dispute: Dispute) -> str:
        return dispute.bill.account.number

    @admin.display(description=_("账单金额"))
    def bill_amount(self, dispute: Dispute) -> str:
        return yuan(dispute.bill.total_cents)


class UncheckedFilter(admin.SimpleListFilter):
    title = _("核查")
    parameter_name = "unchecked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("待核查")), ("untold", _("没有通知到客户"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "yes":
            return queryset.filter(checked_at__isnull=True)
        return queryset.filter(told_at__isnull=True) if self.value() == "untold" else queryset


@admin.register(LargeBill)
class LargeBillAdmin(ReadOnlyAdmin):
    region_path = "bill__account__region"
    list_display = ("bill", "account", "total", "shown_mean", "found", "told", "checked")
    list_filter = (UncheckedFilter, ("found_at", WhenFilter))
    list_select_related = ("bill__account",)
    search_fields = ("bill__number",)
    search_help_text = _("账单号（完整）")
    ordering = ("-bill_id",)
    fields = ("bill", "account", "total", "before", "shown_mean", "found", "told", "checked")
    before = amount("before_cents", _("前三个月合计"))
    found = moment("found_at", _("发现时间"))
    told = moment("told_at", _("通知时间"))
    checked = moment("checked_at", _("核查时间"))
    reasoned = (
        Reasoned(
            name="checked",
            title=_("已核查"),
            explanation=_("写明核查结果：费用属实，或有误并已另做调账。"),
            permission="billing.change_largebill",
            applies=lambda large: large.checked_at is None,
            carry_out=_checked,
            icon="task_alt",
            service_audits=True,
        ),
    )

    @admin.display(description=_("户号"))
    def account(self, large: LargeBill) -> str:
        return large.bill.account.number

    @admin.display(description=_("账单金额"))
    def total(self, large: LargeBill) -> str:
        return yuan(large.bill.total_cents)

    @admin.display(description=_("前三个月平均"))
    def shown_mean(self, large: LargeBill) -> str:
        return yuan(large.mean_cents)
