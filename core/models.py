"""Tables that know no domain: news, heartbeats, audit rows, approvals by a second person, the work calendar."""

import pgtrigger
from django.contrib.postgres.indexes import BrinIndex
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.db import AppendOnly, Fixed, Law, NeverDelete, StartsAt, Transitions, refuse
from core.statemachine import Machine
from core.uploads.models import Upload as Upload


class OutboxRow(models.Model):
    """News for one consumer. Written in the transaction that makes the news; ends in the transaction of its effect."""

    class State(models.TextChoices):
        PENDING = "PENDING", _("待处理")
        DONE = "DONE", _("已处理")
        DEAD = "DEAD", _("已停止")  # attempts used up: a person must look

    event = models.CharField(_("事件"), max_length=80)  # e.g. "billing.payment_succeeded"
    consumer = models.CharField(_("接收方"), max_length=80)  # e.g. "billing.finish_slip"
    key = models.CharField(_("关键字"), max_length=80)  # order is kept per (consumer, key)
    payload = models.JSONField(_("内容"))
    state = models.CharField(_("状态"), max_length=8, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(_("尝试次数"), default=0)
    error = models.TextField(_("错误"), blank=True, default="")  # the last failure, no personal data
    created_at = models.DateTimeField(_("产生时间"))
    next_attempt_at = models.DateTimeField(_("下次处理"))
    finished_at = models.DateTimeField(_("处理完成"), null=True, blank=True)  # null while PENDING or DEAD

    class Meta:
        verbose_name = _("消息出站")
        verbose_name_plural = _("消息出站")
        indexes = [
            models.Index(
                fields=["next_attempt_at", "id"], name="outbox_due", condition=models.Q(state="PENDING")
            ),
            models.Index(
                fields=["consumer", "key", "id"], name="outbox_order", condition=~models.Q(state="DONE")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.consumer}"


class Heartbeat(models.Model):
    """When a recurring job last ran and how it ended."""

    job = models.CharField(_("任务"), max_length=80, primary_key=True)
    expected_every_seconds = models.PositiveIntegerField(
        _("间隔（秒）")
    )  # silence longer than 3 × this is complained about
    last_started_at = models.DateTimeField(_("上次开始"), null=True, blank=True)
    last_finished_at = models.DateTimeField(_("上次结束"), null=True, blank=True)  # null: never finished
    last_ok = models.BooleanField(_("上次正常"), default=True)
    detail = models.JSONField(_("结果"), default=dict, blank=True)  # counts of the last run

    class Meta:
        verbose_name = _("任务心跳")
        verbose_name_plural = pgettext_lazy("plural", "任务心跳")

    def __str__(self) -> str:
        return self.job


class AuditRow(models.Model):
    """What a member of staff (or a command) did to what, and why. Never changed."""

    at = models.DateTimeField(_("时间"))
    actor = models.CharField(_("操作人"), max_length=80)  # Actor.ref
    action = models.CharField(_("操作"), max_length=80)
    object_type = models.CharField(_("对象类型"), max_length=80)
    object_id = models.CharField(_("对象编号"), max_length=80)
    reason = models.TextField(_("原因"), blank=True, default="")
    detail = models.JSONField(_("详情"), default=dict, blank=True)
    address = models.GenericIPAddressField(_("来源地址"), null=True, blank=True)  # null: not from the network
    # Where the object lay then, as core.scopes tells; null: nowhere in particular, or from before regions were kept.
    region_id = models.BigIntegerField(_("区域"), null=True, blank=True)

    class Meta:
        verbose_name = _("审计记录")
        verbose_name_plural = _("审计记录")
        indexes = [
            models.Index(fields=["object_type", "object_id"]),
            models.Index(fields=["actor", "at"]),
            models.Index(fields=["address", "-at"], name="audit_address"),
            models.Index(fields=["region_id", "-id"], name="audit_region"),
            models.Index(fields=["action", "-id"], name="audit_action"),
            BrinIndex(fields=["at"], name="audit_at"),
        ]
        triggers = [AppendOnly(name="audit_append_only")]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"


class ApprovalState(models.TextChoices):
    REQUESTED = "REQUESTED", _("待审批")
    APPROVED = "APPROVED", _("已批准")  # and done: both in one transaction
    REJECTED = "REJECTED", _("已驳回")
    WITHDRAWN = "WITHDRAWN", _("已撤回")  # by whoever asked, or because nobody decided for too long


_A = ApprovalState
APPROVAL_MACHINE = Machine(
    name="approval",
    initial=_A.REQUESTED,
    transitions={
        _A.REQUESTED: frozenset({_A.APPROVED, _A.REJECTED, _A.WITHDRAWN}),
        _A.APPROVED: frozenset(),
        _A.REJECTED: frozenset(),
        _A.WITHDRAWN: frozenset(),
    },
)


class Final(Law):
    """A row that has left its machine's first state is never changed again."""

    operation = pgtrigger.Update

    def __init__(self, *, name: str, machine: Machine) -> None:
        sentence = f"{machine.name}: what was decided stays as it is"
        func = f"IF OLD.state = '{machine.initial}' THEN RETURN NEW; END IF; {refuse(name, sentence)}"
        super().__init__(name=name, func=func)


class Approval(models.Model):
    """Something that one member of staff asks for and another decides, because its amount is above the limit."""

    kind = models.CharField(_("事项"), max_length=60)  # see core.approvals, e.g. "billing.refund"
    object_type = models.CharField(_("对象类型"), max_length=80)  # "billing.Receipt"
    object_id = models.CharField(_("对象编号"), max_length=80)
    amount_cents = models.BigIntegerField(_("金额"))  # 0: about no money
    region_id = models.BigIntegerField(
        _("区域"), null=True, blank=True
    )  # of the object, see core.scopes; null: none
    data = models.JSONField(_("内容"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    reason = models.CharField(_("原因"), max_length=300)
    state = models.CharField(
        _("状态"), max_length=10, choices=ApprovalState.choices, default=ApprovalState.REQUESTED
    )
    requested_by = models.CharField(_("申请人"), max_length=80)  # Actor.ref
    requested_at = models.DateTimeField(_("申请时间"))
    decided_by = models.CharField(_("审批人"), max_length=80, blank=True, default="")  # empty while REQUESTED
    decided_at = models.DateTimeField(_("审批时间"), null=True, blank=True)  # null while REQUESTED
    decision_reason = models.CharField(_("审批意见"), max_length=300, blank=True, default="")
    outcome = models.TextField(_("办理结果"), blank=True, default="")  # what was done, once APPROVED

    class Meta:
        verbose_name = _("审批")
        verbose_name_plural = pgettext_lazy("plural", "审批")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "object_type", "object_id"],
                condition=Q(state="REQUESTED"),
                name="approval_asked_once",
            ),
            models.CheckConstraint(condition=Q(amount_cents__gte=0), name="approval_amount_not_negative"),
            models.CheckConstraint(
                condition=Q(state="REQUESTED", decided_by="", decided_at__isnull=True)
                | Q(~Q(state="REQUESTED"), ~Q(decided_by=""), decided_at__isnull=False),
                name="approval_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["APPROVED", "REJECTED"], decided_by=F("requested_by")),
                name="approval_by_a_second_person",
            ),
        ]
        indexes = [
            models.Index(
                fields=["requested_at", "id"], name="approval_waiting", condition=Q(state="REQUESTED")
            ),
            models.Index(fields=["object_type", "object_id"], name="approval_object"),
        ]
        triggers = [
            NeverDelete(name="approval_never_deleted"),
            StartsAt(name="approval_starts_requested", machine=APPROVAL_MACHINE),
            Transitions(name="approval_transitions", machine=APPROVAL_MACHINE),
            Fixed(
                name="approval_fixed",
                columns=(
                    "kind",
                    "object_type",
                    "object_id",
                    "amount_cents",
                    "region_id",
                    "data",
                    "reason",
                    "requested_by",
                    "requested_at",
                ),
            ),
            Final(name="approval_when_decided_final", machine=APPROVAL_MACHINE),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_type} {self.object_id}"


class ApprovalHistory(models.Model):
    """Each change of an approval's state."""

    approval = models.ForeignKey(
        Approval, verbose_name=_("审批"), on_delete=models.PROTECT, related_name="history"
    )
    from_state = models.CharField(_("原状态"), max_length=10, blank=True)
    to_state = models.CharField(_("新状态"), max_length=10)
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=300, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("审批状态记录")
        verbose_name_plural = _("审批状态记录")
        triggers = [AppendOnly(name="approval_history_append_only")]

    def __str__(self) -> str:
        return f"{self.approval_id} {self.to_state}"


class CalendarDay(models.Model):
    """A day on which the operator's own calendar differs from the national one; it outranks the package."""

    day = models.DateField(_("日期"), primary_key=True)
    is_working = models.BooleanField(_("工作日"))
    note = models.CharField(_("说明"), max_length=120, blank=True, default="")

    class Meta:
        verbose_name = _("工作日例外")
        verbose_name_plural = pgettext_lazy("plural", "工作日例外")

    def __str__(self) -> str:
        return self.day.isoformat()
