"""What far systems shall do: authorise a card, switch a line. The table is its own queue (core.queues)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Region
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine
from resources.models.history import StateHistory


class Action(models.TextChoices):
    AUTHORISE = "AUTHORISE", _("开通授权")
    DEAUTHORISE = "DEAUTHORISE", _("取消授权")
    REFRESH = "REFRESH", _("授权刷新")
    LINE_ON = "LINE_ON", _("开通线路")
    LINE_OFF = "LINE_OFF", _("关闭线路")
    LINE_CHANGE = "LINE_CHANGE", _("变更线路")


class CommandState(models.TextChoices):
    BEHIND = "BEHIND", _("排队等前一条")  # another command of its subject is not done yet
    WAITING = "WAITING", _("待执行")
    DONE = "DONE", _("已完成")
    FAILED = "FAILED", _("需人工处理")


_C = CommandState
COMMAND_MACHINE = Machine(
    name="command",
    initial=_C.WAITING,
    transitions={
        _C.BEHIND: frozenset({_C.WAITING}),
        _C.WAITING: frozenset({_C.DONE, _C.FAILED}),
        _C.FAILED: frozenset({_C.WAITING, _C.DONE}),  # run again, or done by hand
        _C.DONE: frozenset(),
    },
)


class Command(models.Model):
    """One thing to be done to one subject. Commands of a subject are carried out one after the other, in order."""

    key = models.CharField(_("请求编号"), max_length=120, unique=True)  # the far system does each key once
    digest = models.CharField(
        _("内容摘要"), max_length=64
    )  # of what was asked for: the key's other meaning is refused
    action = models.CharField(_("动作"), max_length=12, choices=Action.choices)
    subject_kind = models.CharField(_("对象类型"), max_length=40)  # "subscription"
    subject_id = models.CharField(_("对象编号"), max_length=80)
    payload = models.JSONField(
        _("内容"), default=dict, blank=True
    )  # what the far system needs; no personal data
    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # whose staff see it; null: the whole operator's alone
    state = models.CharField(
        _("状态"), max_length=8, choices=CommandState.choices, default=CommandState.WAITING
    )
    attempts = models.PositiveSmallIntegerField(_("尝试次数"), default=0)
    error = models.CharField(
        _("错误"), max_length=200, blank=True, default=""
    )  # of the last try, no personal data
    far_reference = models.CharField(
        _("对方编号"), max_length=120, blank=True, default=""
    )  # the far system's own number; empty until it is done
    created_at = models.DateTimeField(_("产生时间"))
    next_attempt_at = models.DateTimeField(_("下次执行"))  # also the end of a worker's lease
    accepted_at = models.DateTimeField(
        _("对方受理时间"), null=True, blank=True
    )  # null: the far system has not said that it works on it
    ended_at = models.DateTimeField(
        _("结束时间"), null=True, blank=True
    )  # null: under way, or failed and not yet told to those who wait

    class Meta:
        verbose_name = _("开通指令")
        verbose_name_plural = pgettext_lazy("plural", "开通指令")
        constraints = [
            models.UniqueConstraint(
                fields=["subject_kind", "subject_id"],
                condition=Q(state__in=("WAITING", "FAILED")),
                name="command_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="DONE") | Q(ended_at__isnull=False), name="command_done_at_some_time"
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at", "id"], name="command_due", condition=Q(state="WAITING")),
            models.Index(fields=["id"], name="command_failed", condition=Q(state="FAILED")),
            models.Index(
                fields=["subject_kind", "subject_id", "id"], name="command_order", condition=~Q(state="DONE")
            ),
        ]
        triggers = [
            NeverDelete(name="command_never_deleted"),
            StartsAt(name="command_starts_waiting", machine=COMMAND_MACHINE, also=("BEHIND",)),
            Transitions(name="command_transitions", machine=COMMAND_MACHINE),
            Fixed(
                name="command_fixed",
                columns=("key", "digest", "action", "subject_kind", "subject_id", "payload", "created_at"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_kind} {self.subject_id}"


class CommandHistory(StateHistory):
    command = models.ForeignKey(
        Command, verbose_name=_("开通指令"), on_delete=models.PROTECT, related_name="history"
    )

    class Meta:
        verbose_name = _("指令状态记录")
        verbose_name_plural = pgettext_lazy("plural", "指令状态记录")
        triggers = [AppendOnly(name="command_history_append_only")]
