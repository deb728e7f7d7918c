"""Staff pages of the base room: news between rooms, heartbeats, approvals, the audit trail, the own calendar."""

from datetime import datetime
from ipaddress import ip_address
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from core import approval_desk, approvals, outbox, people
from core.actor import Actor
from core.backoffice import (
    EVERYWHERE,
    EditableAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    WhenFilter,
    amount,
    badge,
    known_values,
    moment,
    typed,
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
from core.uploads import admin as uploads_admin  # noqa: F401  registers its page


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
    region_path = None
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
    region_path = None
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

    region_path = "region_id"
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


def _of_person(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """By user name, or by the actor's own name ("job:…", "user:17")."""
    found = get_user_model()._default_manager.filter(username=text).values_list("pk", flat=True).first()
    return rows.filter(actor=text if found is None else f"user:{found}")


def _from_address(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    try:
        return rows.filter(address=str(ip_address(text)))
    except ValueError:
        return rows.none()


@admin.register(AuditRow)
class AuditRowAdmin(ReadOnlyAdmin):
    """Who did what to what: filtered by person, object, day and address."""

    region_path = "region_id"
    list_display: tuple[str, ...] = (
        "shown_at",
        "person",
        "action",
        "object_type",
        "object_id",
        "reason",
        "address",
    )
    list_filter: ClassVar[tuple[Any, ...]] = (
        typed("person", _("操作人（用户名）"), _of_person),
        typed("kind", _("对象类型（如 billing.Bill）"), lambda rows, text: rows.filter(object_type=text)),
        typed("object", _("对象编号"), lambda rows, text: rows.filter(object_id=text)),
        typed("from", _("来源地址"), _from_address),
        ("at", WhenFilter),
    )
    search_fields = ("actor", "object_id")
    search_help_text = _("操作人（如 user:17）或对象编号（完整）")
    ordering = ("-id",)
    fields: ClassVar[tuple[str, ...]] = (
        "shown_at",
        "person",
        "actor",
        "address",
        "action",
        "object_type",
        "object_id",
        "reason",
        "changes",
        "detail",
    )
    shown_at = moment("at", _("时间"))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the names of the page's people: one query for all of them."""
        page = super().get_changelist_instance(request)
        names = people.names(row.actor for row in page.result_list)
        for row in page.result_list:
            row.person_name = names.get(row.actor, row.actor)  # for the column
        return page

    @admin.display(description=_("操作人"), ordering="actor")
    def person(self, row: AuditRow) -> str:
        known = getattr(row, "person_name", None)
        return str(people.names([row.actor]).get(row.actor, row.actor) if known is None else known)

    @admin.display(description=_("变更"))
    def changes(self, row: AuditRow) -> str:
        """Each field with what it held before and holds now."""
        values = row.detail.get("values") or {}
        colon = _("：")
        lines = [(name, colon, *pair) for name, pair in values.items() if len(pair) == 2]
        return format_html_join("", '<div class="backoffice-change">{}{}{} → {}</div>', lines)


@admin.register(CalendarDay)
class CalendarDayAdmin(EditableAdmin):
    region_path = EVERYWHERE
    list_display = ("day", "is_working", "note")
    list_filter = ("is_working",)
    ordering = ("-day",)
    fields = ("day", "is_working", "note")
