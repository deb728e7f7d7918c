"""Staff: who holds which post where and until when, who may appoint to it, and who may accept business."""

import pgtrigger
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts import roles
from accounts.models.regions import Region
from accounts.models.users import User
from core.db import Fixed, Law, NeverDelete, refuse


class OnlySooner(Law):
    """An open end may be closed and a set one may come nearer; what has ended is never taken up again."""

    def __init__(self, *, name: str, column: str) -> None:
        func = f"IF OLD.{column} IS NULL OR NEW.{column} <= OLD.{column} THEN RETURN NEW; END IF; " + refuse(
            name, "an end that is set only comes nearer"
        )
        update = pgtrigger.UpdateOf(column)  # type: ignore[no-untyped-call]
        super().__init__(name=name, operation=update, func=func)


class RoleRule(models.Model):
    """How posts of a role are given. A role without a rule is given by superusers only."""

    role = models.OneToOneField(
        Group, verbose_name=_("角色"), on_delete=models.CASCADE, primary_key=True, related_name="rule"
    )
    granted_by = models.ManyToManyField(
        Group, verbose_name=_("可由哪些角色任命"), blank=True, related_name="+"
    )
    needs_second_person = models.BooleanField(_("任命须另一人批准"), default=False)
    purpose = models.CharField(_("职责"), max_length=200, blank=True, default="")
    # "app.codename" of each permission that a release has given to the role: given once, so that what an operator
    # takes out stays out, and what a newer release adds still comes.
    offered = models.JSONField(_("随版本给过的权限"), default=list, blank=True, editable=False)

    class Meta:
        verbose_name = _("任命规则")
        verbose_name_plural = pgettext_lazy("plural", "任命规则")

    def __str__(self) -> str:
        return str(self.role)


class Post(models.Model):
    """任职: a member of staff holds a role in a region and all below it, from day to day. Gives his permissions."""

    user = models.ForeignKey(User, verbose_name=_("员工"), on_delete=models.PROTECT, related_name="posts")
    role = models.ForeignKey(Group, verbose_name=_("角色"), on_delete=models.PROTECT, related_name="posts")
    region = models.ForeignKey(Region, verbose_name=_("区域"), on_delete=models.PROTECT, related_name="posts")
    active_from = models.DateField(_("到岗日"))
    active_to = models.DateField(_("离岗日"), null=True, blank=True)  # first day without it; null: open end
    appointed_by = models.ForeignKey(
        User, verbose_name=_("任命人"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: a command did
    created_at = models.DateTimeField(_("登记时间"))

    class Meta:
        verbose_name = _("任职")
        verbose_name_plural = pgettext_lazy("plural", "任职")
        permissions = [
            ("appoint_post", _("任命和免去任职")),
            ("approve_post", _("审批任职")),
            ("reset_second_factor", _("重置同事的第二验证")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(active_to__isnull=True) | Q(active_to__gte=F("active_from")), name="post_period"
            ),
            models.CheckConstraint(
                condition=Q(appointed_by__isnull=True) | ~Q(appointed_by=F("user")),
                name="post_not_by_oneself",
            ),
            models.UniqueConstraint(
                fields=["user", "role", "region"], condition=Q(active_to__isnull=True), name="post_held_once"
            ),
        ]
        triggers = [
            NeverDelete(name="post_never_deleted"),
            Fixed(
                name="post_fixed",
                columns=(
                    "user_id",
                    "role_id",
                    "region_id",
                    "active_from",
                    "appointed_by_id",
                    "created_at",
                ),
            ),
            OnlySooner(name="post_ends_once", column="active_to"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {roles.shown(self.role)} · {self.region}"


class Certificate(models.Model):
    """岗位合格证: who holds none that is valid may look, and accept no business."""

    class Kind(models.TextChoices):
        ACCEPTANCE = "ACCEPTANCE", _("业务受理")
        CASHIER = "CASHIER", _("收银")
        HOTLINE = "HOTLINE", _("客服热线")

    user = models.ForeignKey(
        User, verbose_name=_("员工"), on_delete=models.PROTECT, related_name="certificates"
    )
    number = models.CharField(_("证书编号"), max_length=40, unique=True)
    kind = models.CharField(_("岗位"), max_length=12, choices=Kind.choices)
    issued_on = models.DateField(_("发证日"))
    expires_on = models.DateField(_("有效期至"))  # the last day on which it counts, as printed on it
    revoked_at = models.DateTimeField(_("吊销时间"), null=True, blank=True)  # null: not revoked
    recorded_by = models.ForeignKey(
        User, verbose_name=_("登记人"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: a command did
    created_at = models.DateTimeField(_("登记时间"))

    class Meta:
        verbose_name = _("岗位合格证")
        verbose_name_plural = pgettext_lazy("plural", "岗位合格证")
        constraints = [
            models.CheckConstraint(condition=Q(expires_on__gt=F("issued_on")), name="certificate_period"),
            models.CheckConstraint(
                condition=Q(recorded_by__isnull=True) | ~Q(recorded_by=F("user")),
                name="certificate_not_by_oneself",
            ),
        ]
        indexes = [models.Index(fields=["user", "-expires_on"], name="certificate_of_user")]
        triggers = [
            NeverDelete(name="certificate_never_deleted"),
            Fixed(
                name="certificate_fixed",
                columns=(
                    "user_id",
                    "number",
                    "kind",
                    "issued_on",
                    "expires_on",
                    "recorded_by_id",
                    "created_at",
                ),
            ),
            OnlySooner(name="certificate_revoked_once", column="revoked_at"),
        ]

    def __str__(self) -> str:
        return self.number
