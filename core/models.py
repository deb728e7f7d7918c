"""Tables that know no domain: news, heartbeats, audit rows, the work calendar."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.db import AppendOnly


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

    class Meta:
        verbose_name = _("审计记录")
        verbose_name_plural = _("审计记录")
        indexes = [
            models.Index(fields=["object_type", "object_id"]),
            models.Index(fields=["actor", "at"]),
            BrinIndex(fields=["at"], name="audit_at"),
        ]
        triggers = [AppendOnly(name="audit_append_only")]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"


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
