"""Families and groups: accounts whose holdings one account pays for."""

from datetime import datetime

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import BillingAccount
from catalog.holdings.models import Subscription
from core import periods
from core.db import Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine
from operations.models import Slip


class Family(models.Model):
    """Accounts whose holdings one account pays for (家庭共享, 集团统付), by virtue of an offer that it holds."""

    number = models.CharField(_("编号"), max_length=32, unique=True)
    payer = models.ForeignKey(
        BillingAccount, verbose_name=_("付费户号"), on_delete=models.PROTECT, related_name="families"
    )
    subscription = models.OneToOneField(
        Subscription, verbose_name=_("家庭产品"), on_delete=models.PROTECT, related_name="family"
    )
    created_at = models.DateTimeField(_("建立时间"))

    class Meta:
        verbose_name = _("家庭或集团")
        verbose_name_plural = pgettext_lazy("plural", "家庭或集团")
        triggers = [
            NeverDelete(name="family_never_deleted"),
            Fixed(name="family_fixed", columns=("number", "payer_id")),
        ]

    def __str__(self) -> str:
        return self.number


class FamilyMember(models.Model):
    """An account belongs to a family from day to day; to one at a time. The payer belongs to his own, too.

    A member joins and leaves on the first of a month, so that each month of his has one payer.
    """

    family = models.ForeignKey(
        Family, verbose_name=_("家庭或集团"), on_delete=models.PROTECT, related_name="members"
    )
    account = models.ForeignKey(
        BillingAccount,
        verbose_name=_("成员户号"),
        on_delete=models.PROTECT,
        related_name="family_memberships",
    )
    agreed = models.ForeignKey(
        Slip,
        verbose_name=_("成员同意的受理单"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # null: the payer himself, or imported
    active_from = models.DateField(_("加入日"))
    active_to = models.DateField(_("退出日"), null=True, blank=True)  # first day outside; null: belongs to it

    class Meta:
        verbose_name = _("家庭成员")
        verbose_name_plural = pgettext_lazy("plural", "家庭成员")
        constraints = [
            models.CheckConstraint(
                condition=Q(active_to__isnull=True) | Q(active_to__gte=models.F("active_from")),
                name="family_member_period",
            ),
            ExclusionConstraint(
                name="family_member_in_one_at_a_time",
                expressions=[("account", RangeOperators.EQUAL), periods.OVERLAP],
            ),
        ]
        triggers = [
            NeverDelete(name="family_member_never_deleted"),
            Fixed(name="family_member_fixed", columns=("family_id", "account_id", "active_from")),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} in {self.family_id}"


class InvitationState(models.TextChoices):
    PENDING = "PENDING", _("等待对方同意")
    ACCEPTED = "ACCEPTED", _("已同意")
    DECLINED = "DECLINED", _("对方没有同意")
    WITHDRAWN = "WITHDRAWN", _("已撤回")
    EXPIRED = "EXPIRED", _("已过期")


_I = InvitationState
FAMILY_INVITATION_MACHINE = Machine(
    name="family_invitation",
    initial=_I.PENDING,
    transitions={
        _I.PENDING: frozenset({_I.ACCEPTED, _I.DECLINED, _I.WITHDRAWN, _I.EXPIRED}),
        _I.ACCEPTED: frozenset(),
        _I.DECLINED: frozenset(),
        _I.WITHDRAWN: frozenset(),
        _I.EXPIRED: frozenset(),
    },
)


class FamilyInvitation(models.Model):
    """A family asks an account to belong to it; its owner answers. Whether the account exists is not told.

    It changes once, so that its end (`ended_at`, `ended_by`) is its history.
    """

    reference = models.CharField(_("邀请编号"), max_length=32, unique=True)
    family = models.ForeignKey(
        Family, verbose_name=_("家庭或集团"), on_delete=models.PROTECT, related_name="invitations"
    )
    account_number = models.CharField(_("受邀户号"), max_length=32)  # as it was typed
    account = models.ForeignKey(
        BillingAccount,
        verbose_name=_("户号"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="family_invitations",
    )  # null: there is none of that number; the payer is not told so
    state = models.CharField(
        _("状态"), max_length=10, choices=InvitationState.choices, default=InvitationState.PENDING
    )
    created_at = models.DateTimeField(_("邀请时间"))
    expires_at = models.DateTimeField(_("失效时间"))
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)  # null while PENDING
    ended_by = models.CharField(_("操作人"), max_length=80, blank=True, default="")  # empty while PENDING

    class Meta:
        verbose_name = _("家庭邀请")
        verbose_name_plural = pgettext_lazy("plural", "家庭邀请")
        constraints = [
            models.UniqueConstraint(
                fields=["family", "account_number"],
                condition=Q(state="PENDING"),
                name="family_invitation_one_pending",
            ),
            models.CheckConstraint(
                condition=Q(state="PENDING", ended_at__isnull=True)
                | (~Q(state="PENDING") & Q(ended_at__isnull=False)),
                name="family_invitation_ended_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], name="family_invitation_expiring", condition=Q(state="PENDING")
            ),
        ]
        triggers = [
            NeverDelete(name="family_invitation_never_deleted"),
            Fixed(
                name="family_invitation_fixed",
                columns=(
                    "reference",
                    "family_id",
                    "account_number",
                    "account_id",
                    "created_at",
                    "expires_at",
                ),
            ),
            StartsAt(name="family_invitation_starts_pending", machine=FAMILY_INVITATION_MACHINE),
            Transitions(name="family_invitation_transitions", machine=FAMILY_INVITATION_MACHINE),
        ]

    def __str__(self) -> str:
        return self.reference

    def is_open(self, as_of: datetime) -> bool:
        """Whether it can still be agreed to."""
        return self.state == InvitationState.PENDING and self.expires_at > as_of
