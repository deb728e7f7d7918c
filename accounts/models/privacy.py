"""A user's rights to his data: a copy of all of it, and the end of his login."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models.users import User
from core.db import Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine


class DataExportState(models.TextChoices):
    REQUESTED = "REQUESTED", _("正在准备")
    READY = "READY", _("可以下载")
    FAILED = "FAILED", _("没有做成")
    PURGED = "PURGED", _("已清除")


_E = DataExportState
DATA_EXPORT_MACHINE = Machine(
    name="data_export",
    initial=_E.REQUESTED,
    transitions={
        _E.REQUESTED: frozenset({_E.READY, _E.FAILED, _E.PURGED}),
        _E.READY: frozenset({_E.PURGED}),
        _E.FAILED: frozenset({_E.REQUESTED, _E.PURGED}),  # staff may have it tried again
        _E.PURGED: frozenset(),
    },
)


class DataExport(models.Model):
    """A copy of what is held on a user, for himself. Its own queue: claimed by lease, see core.queues."""

    reference = models.CharField(_("编号"), max_length=32, unique=True)
    user = models.ForeignKey(
        User, verbose_name=_("用户"), on_delete=models.PROTECT, related_name="data_exports"
    )
    state = models.CharField(_("状态"), max_length=10, choices=DataExportState.choices, default=_E.REQUESTED)
    # JSON, compressed (gzip); null: not made yet, or purged
    content = models.BinaryField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(_("尝试次数"), default=0)
    error = models.CharField(_("错误"), max_length=200, blank=True, default="")
    requested_at = models.DateTimeField(_("申请时间"))
    next_attempt_at = models.DateTimeField(_("下次尝试"))  # also the end of a worker's lease
    ready_at = models.DateTimeField(_("完成时间"), null=True, blank=True)  # null: not ready yet
    purge_at = models.DateTimeField(
        _("清除时间"), null=True, blank=True
    )  # when the content goes or went; null: nothing was made

    class Meta:
        verbose_name = _("个人数据副本")
        verbose_name_plural = pgettext_lazy("plural", "个人数据副本")
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(state="REQUESTED"), name="data_export_one_under_way"
            ),
            models.CheckConstraint(
                condition=Q(state="READY", content__isnull=False, purge_at__isnull=False)
                | (~Q(state="READY") & Q(content__isnull=True)),
                name="data_export_content_while_ready",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at", "id"], name="data_export_due", condition=Q(state="REQUESTED")
            ),
            models.Index(fields=["purge_at"], name="data_export_purge", condition=Q(state="READY")),
            models.Index(fields=["id"], name="data_export_failed", condition=Q(state="FAILED")),
            models.Index(fields=["user", "-requested_at"], name="data_export_user"),
        ]
        triggers = [
            NeverDelete(name="data_export_never_deleted"),
            Fixed(name="data_export_fixed", columns=("reference", "user_id", "requested_at")),
            StartsAt(name="data_export_starts_requested", machine=DATA_EXPORT_MACHINE),
            Transitions(name="data_export_transitions", machine=DATA_EXPORT_MACHINE),
        ]

    def __str__(self) -> str:
        return self.reference


class ClosingState(models.TextChoices):
    PENDING = "PENDING", _("冷静期")
    WITHDRAWN = "WITHDRAWN", _("已撤回")
    BLOCKED = "BLOCKED", _("到期时不能注销")
    DONE = "DONE", _("已注销")


_C = ClosingState
CLOSING_MACHINE = Machine(
    name="login_closing",
    initial=_C.PENDING,
    transitions={
        _C.PENDING: frozenset({_C.WITHDRAWN, _C.BLOCKED, _C.DONE}),
        _C.WITHDRAWN: frozenset(),
        _C.BLOCKED: frozenset(),
        _C.DONE: frozenset(),
    },
)


class LoginClosing(models.Model):
    """A user's wish to end his login. After the days to think it over his data are made anonymous.

    It changes once, so that its end (`ended_at`, `ended_by`, `reason`) is its history.
    """

    reference = models.CharField(_("编号"), max_length=32, unique=True)
    user = models.ForeignKey(User, verbose_name=_("用户"), on_delete=models.PROTECT, related_name="closings")
    state = models.CharField(_("状态"), max_length=10, choices=ClosingState.choices, default=_C.PENDING)
    requested_at = models.DateTimeField(_("申请时间"))
    due_at = models.DateTimeField(_("冷静期结束"))
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)  # null while PENDING
    ended_by = models.CharField(_("操作人"), max_length=80, blank=True, default="")  # empty while PENDING
    reason = models.CharField(_("原因"), max_length=200, blank=True, default="")  # codes, no personal data

    class Meta:
        verbose_name = _("登录账户注销")
        verbose_name_plural = pgettext_lazy("plural", "登录账户注销")
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(state="PENDING"), name="login_closing_one_pending"
            ),
            models.CheckConstraint(
                condition=Q(state="PENDING", ended_at__isnull=True)
                | (~Q(state="PENDING") & Q(ended_at__isnull=False)),
                name="login_closing_ended_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], name="login_closing_due", condition=Q(state="PENDING"))
        ]
        triggers = [
            NeverDelete(name="login_closing_never_deleted"),
            Fixed(name="login_closing_fixed", columns=("reference", "user_id", "requested_at", "due_at")),
            StartsAt(name="login_closing_starts_pending", machine=CLOSING_MACHINE),
            Transitions(name="login_closing_transitions", machine=CLOSING_MACHINE),
        ]

    def __str__(self) -> str:
        return self.reference
