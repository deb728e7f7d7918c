"""Staff pages of the base room: news between rooms, heartbeats, approvals, the audit trail, the own calendar."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core import approval_desk, approvals, outbox
from core.actor import Actor
from core.backoffice import (
    EditableAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    WhenFilter,
    amount,
    badge,
    known_values,
    moment,
)
from core.errors import Conflict
from core.models import (
    Approval,
    ApprovalHistory,
    ApprovalState,
    AuditRow,
    CalendarDay,
    Heartbeat,
    OutboxRow,
)
from core.reasoned import Reasoned


class NotDead(Conflict):
    code = "OUTBOX_ROW_NOT_DEAD"
    message = _("这条消息没有停止，不需要重新处理")


def _consumers() -> list[tuple[str, str]]:
    return [(name, name) for name in outbox.consumer_names()]


def _run_again(row_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    if not outbox.run_again(row_id, as_of=as_of):
        raise NotDead()
    return _("已重新排队")


@admin.register(OutboxRow)
class OutboxAdmin(ReadOnlyAdmin):
    list_display = ("event", "consumer", "key", "shown_state", "attempts", "error", "created", "next_attempt")
    list_filter = ("state", known_values("consumer", _("接收方"), _consumers))
    search_fields = ("key",)
    search_help_text = _("关键字（完整）")
    ordering = ("-id",)
    fields = (
        "event",
        "consumer",
        "key",
        "state",
        "attempts",
        "error",
        "payload",
        "created",
        "next_attempt",
        "finished",
    )
    shown_state = badge("state", _("状态"), {"PENDING": "wait", "DONE": "ok", "DEAD": "bad"})
    created = moment("created_at", _("产生时间"))
    next_attempt = moment("next_attempt_at", _("下次处理"))
    finished = moment("finished_at", _("处理完成"))
    reasoned = (
        Reasoned(
            name="run-again",
            title=_("重新处理"),
            explanation=_("已停止的消息会重新排队，次数从零开始；同一关键字后面的消息随后继续。"),
            permission="core.change_outboxrow",
            applies=lambda row: row.state == OutboxRow.State.DEAD,
            carry_out=_run_again,
        ),
    )


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("job", "expected_every_seconds", "started", "finished", "last_ok")
    list_filter = ("last_ok",)
    ordering = ("job",)
    fields = ("job", "expected_every_seconds", "started", "finished", "last_ok", "detail")
    started = moment("last_started_at", _("上次开始"))
    finished = moment("last_finished_at", _("上次结束"))


def _kinds() -> list[tuple[str, Any]]:
    return [(kind.name, kind.title) for kind in approvals.kinds()]


class ApprovalHistoryInline(ReadOnlyInline):
    model = ApprovalHistory
    fields = ("shown_at", "from_state", "to_state", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    """All requests there were; those that wait are decided on the work page."""

    list_display = (
        "id",
        "shown_kind",
        "object_type",
        "object_id",
        "shown_amount",
        "shown_state",
        "requested_by",
        "requested",
        "decided_by",
        "decided",
    )
    list_filter = ("state", known_values("kind", _("事项"), _kinds), ("requested_at", WhenFilter))
    search_fields = ("object_id", "requested_by", "decided_by")
    search_help_text = _("对象编号，或申请人、审批人（如 user:17）")
    ordering = ("-id",)
    fields = (
        "shown_kind",
        "object_type",
        "object_id",
        "shown_amount",
        "data",
        "reason",
        "state",
        "requested_by",
        "requested",
        "decided_by",
        "decided",
        "decision_reason",
        "outcome",
    )
    inlines = (ApprovalHistoryInline,)
    shown_amount = amount("amount_cents", _("金额"))
    shown_state = badge(
        "state",
        _("状态"),
        {
            str(ApprovalState.REQUESTED): "wait",
            str(ApprovalState.APPROVED): "ok",
            str(ApprovalState.REJECTED): "bad",
            str(ApprovalState.WITHDRAWN): "warn",
        },
    )
    requested = moment("requested_at", _("申请时间"))
    decided = moment("decided_at", _("审批时间"))

    @admin.display(description=_("事项"), ordering="kind")
    def shown_kind(self, approval: Approval) -> str | Promise:
        kind = approvals.find(approval.kind)
        return kind.title if kind else approval.kind

    def get_urls(self) -> list[URLPattern]:
        desk = path("waiting/", self.admin_site.admin_view(self.desk_view), name="core_approval_desk")
        return [desk, *super().get_urls()]

    def desk_view(self, request: HttpRequest) -> HttpResponse:
        """The work page of what waits for a second person."""
        return approval_desk.page(self, request)


@admin.register(AuditRow)
class AuditRowAdmin(ReadOnlyAdmin):
    list_display = ("shown_at", "actor", "action", "object_type", "object_id", "reason")
    list_filter = (("at", WhenFilter),)
    search_fields = ("actor", "object_id")
    search_help_text = _("操作人（如 user:17）或对象编号（完整）")
    ordering = ("-id",)
    fields = ("shown_at", "actor", "address", "action", "object_type", "object_id", "reason", "detail")
    shown_at = moment("at", _("时间"))


@admin.register(CalendarDay)
class CalendarDayAdmin(EditableAdmin):
    list_display = ("day", "is_working", "note")
    list_filter = ("is_working",)
    ordering = ("-day",)
    fields = ("day", "is_working", "note")
