"""Staff page of commands to far systems: what failed waits here for a person."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, WhenFilter, badge, moment
from core.reasoned import Reasoned
from resources.models import Command, CommandHistory, CommandState
from resources.services import provisioning


def _run_again(row_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    provisioning.run_again(command_id=row_id, actor=actor, as_of=as_of, reason=reason)
    return _("已重新排队")


def _done_by_hand(row_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    provisioning.done_by_hand(command_id=row_id, actor=actor, as_of=as_of, reason=reason)
    return _("已按人工完成办结，后面的指令继续执行")


def _has_failed(row: Command) -> bool:
    return row.state == CommandState.FAILED


class CommandHistoryInline(ReadOnlyInline):
    model = CommandHistory
    verbose_name_plural = _("状态记录")
    fields = ("shown_at", "from_state", "to_state", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


@admin.register(Command)
class CommandAdmin(ReadOnlyAdmin):
    region_path = "region"
    list_display = (
        "action",
        "subject_kind",
        "subject_id",
        "region",
        "shown_state",
        "attempts",
        "error",
        "created",
        "next_attempt",
    )
    list_filter = ("state", "action", ("created_at", WhenFilter))
    list_select_related = ("region",)
    search_fields = ("key", "subject_id")
    search_help_text = _("请求编号或对象编号（完整）")
    ordering = ("-id",)
    fields = (
        "action",
        "subject_kind",
        "subject_id",
        "key",
        "payload",
        "region",
        "state",
        "attempts",
        "error",
        "far_reference",
        "created",
        "next_attempt",
        "accepted",
        "ended",
    )
    inlines = (CommandHistoryInline,)
    shown_state = badge(
        "state",
        _("状态"),
        {
            str(CommandState.BEHIND): "wait",
            str(CommandState.WAITING): "wait",
            str(CommandState.DONE): "ok",
            str(CommandState.FAILED): "bad",
        },
    )
    created = moment("created_at", _("产生时间"))
    next_attempt = moment("next_attempt_at", _("下次执行"))
    accepted = moment("accepted_at", _("对方受理时间"))
    ended = moment("ended_at", _("结束时间"))
    reasoned = (
        Reasoned(
            name="run-again",
            title=_("重新执行"),
            explanation=_("用同一编号重新提交，对方不会重复执行；次数从零开始。"),
            permission="resources.change_command",
            applies=_has_failed,
            carry_out=_run_again,
        ),
        Reasoned(
            name="done-by-hand",
            title=_("已人工完成"),
            explanation=_("已经有人在对方系统里办好了。等待它的业务随后继续，请在原因里写明谁在哪里办的。"),
            permission="resources.change_command",
            applies=_has_failed,
            carry_out=_done_by_hand,
            icon="task_alt",
        ),
    )
