"""Plans of disconnections with their lines and approvals, and the warrants of what was cut."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Count
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from arrears.models import (
    DisconnectPlan,
    LineState,
    PlanApproval,
    PlanLine,
    PlanState,
    Warrant,
    WarrantProof,
)
from arrears.services import plans
from core import clock
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, amount, badge, moment
from core.reasoned import Reasoned

PLAN_TONES = {
    str(PlanState.MADE): "wait",
    str(PlanState.APPROVED): "wait",
    str(PlanState.RUNNING): "wait",
    str(PlanState.DONE): "ok",
    str(PlanState.CANCELLED): "warn",
}
LINE_TONES = {
    str(LineState.WAITING): "wait",
    str(LineState.DONE): "ok",
    str(LineState.REFUSED): "warn",
    str(LineState.FAILED): "bad",
}


def _approve(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    user_id = int(actor.ref.removeprefix("user:"))  # a page has no other actors
    plan = plans.approve(plan_id=row_id, user_id=user_id, reason=reason, as_of=as_of)
    if plans.is_approved(plan, as_of=as_of):
        return _("已批准，可以执行")
    return _("已记录，还需另一人批准")


def _cancel(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    plans.cancel(plan_id=row_id, as_of=as_of)
    return _("已作废，不再拆机")


class PlanApprovalInline(ReadOnlyInline):
    model = PlanApproval
    fields = ("user", "reason", "when")
    readonly_fields = ("when",)
    ordering = ("pk",)
    when = moment("at", _("时间"))


@admin.register(DisconnectPlan)
class DisconnectPlanAdmin(ReadOnlyAdmin):
    region_path = "region"
    list_display = ("number", "region", "shown_state", "planned_on", "lines_count", "cap", "made_by", "made")
    list_select_related = ("region", "made_by")
    list_filter = ("state",)
    search_fields = ("number",)
    search_help_text = _("计划编号（完整）")
    ordering = ("-id",)
    fields = (
        "number", "region", "state", "planned_on", "lines_count", "cap", "approval_days", "digest", "made_by", "made",
        "ended", "lines",
    )  # fmt: skip
    readonly_fields = ("lines",)
    inlines = (PlanApprovalInline,)
    shown_state = badge("state", _("状态"), PLAN_TONES)
    made = moment("created_at", _("写入时间"))
    ended = moment("ended_at", _("结束时间"))

    @admin.display(description=_("拆机计划明细"))
    def lines(self, row: DisconnectPlan) -> SafeString:
        """How many lines stand how, and the way to them: who approves looks at them first."""
        counts = dict(row.lines.order_by().values_list("state").annotate(Count("pk")))
        told = [f"{state.label} {counts[state]}" for state in LineState if state in counts]
        page = f"{reverse('admin:arrears_planline_changelist')}?q={row.number}"
        return format_html('<a class="backoffice-link" href="{}">{}</a>', page, ", ".join(told) or "0")

    reasoned = (
        Reasoned(
            name="approve-plan",
            title=_("批准拆机计划"),
            explanation=_(
                "须由制定人以外的两人批准；过了批准有效天数须重新批准。执行时逐户重新判定，已缴费或条件不足的不拆。"
            ),
            permission="arrears.approve_disconnectplan",
            applies=lambda row: row.state == PlanState.MADE or plans.is_over(row, as_of=clock.now()),
            carry_out=_approve,
            icon="how_to_reg",
        ),
        Reasoned(
            name="cancel-plan",
            title=_("作废拆机计划"),
            explanation=_("不再按这个计划拆机；已拆的不恢复。"),
            permission="arrears.approve_disconnectplan",
            applies=lambda row: row.state in (PlanState.MADE, PlanState.APPROVED, PlanState.RUNNING),
            carry_out=_cancel,
            icon="cancel",
        ),
    )


@admin.register(PlanLine)
class PlanLineAdmin(ReadOnlyAdmin):
    region_path = "subscription__account__region"
    list_display = ("subscription", "account", "plan", "shown_state", "why", "done")
    list_select_related = ("subscription__payer", "plan")
    list_filter = ("state",)
    search_fields = ("plan__number", "subscription__number")
    search_help_text = _("计划编号或订购编号（完整）")
    ordering = ("-id",)
    fields = ("plan", "subscription", "state", "why", "error", "done")
    shown_state = badge("state", _("状态"), LINE_TONES)
    done = moment("done_at", _("处理时间"))

    @admin.display(description=_("户号"))
    def account(self, row: PlanLine) -> str:
        return row.subscription.payer.number

    @admin.display(description=_("缺少的条件"))
    def why(self, row: PlanLine) -> str:
        return "; ".join(plans.text_of(code) for code in row.refusals)


class WarrantProofInline(ReadOnlyInline):
    model = WarrantProof
    fields = ("contact_ref", "delivery")
    ordering = ("pk",)


@admin.register(Warrant)
class WarrantAdmin(ReadOnlyAdmin):
    region_path = "subscription__account__region"
    list_display = ("subscription", "case", "judged_on", "owed", "first_approver", "second_approver")
    list_select_related = ("subscription", "case", "first_approver", "second_approver")
    search_fields = ("subscription__number",)
    search_help_text = _("订购编号（完整）")
    ordering = ("-id",)
    fields = (
        "subscription", "suspension", "case", "plan", "first_approver", "second_approver", "judged_on", "owed",
        "actor", "when",
    )  # fmt: skip
    inlines = (WarrantProofInline,)
    owed = amount("owed_cents", _("欠费"))
    when = moment("at", _("时间"))
