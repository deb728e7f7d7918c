"""Invitations to a billing account: from an owner to whoever proves the phone."""

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models.customers import BillingAccount
from accounts.models.members import Membership
from accounts.models.users import User
from core.db import Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine


class InvitationState(models.TextChoices):
    PENDING = "PENDING", _("等待对方接受")
    ACCEPTED = "ACCEPTED", _("已接受")
    DECLINED = "DECLINED", _("对方没有接受")
    WITHDRAWN = "WITHDRAWN", _("已撤回")
    EXPIRED = "EXPIRED", _("已过期")


_I = InvitationState
INVITATION_MACHINE = Machine(
    name="invitation",
    initial=_I.PENDING,
    transitions={
        _I.PENDING: frozenset({_I.ACCEPTED, _I.DECLINED, _I.WITHDRAWN, _I.EXPIRED}),
        _I.ACCEPTED: frozenset(),
        _I.DECLINED: frozenset(),
        _I.WITHDRAWN: frozenset(),
        _I.EXPIRED: frozenset(),
    },
)


class Invitation(models.Model):
    """Whoever is logged in with this phone proven may take the role, until it expires.

    It changes once, so that its end (`ended_at`, `ended_by`) is its history.
    """

    reference = models.CharField(_("邀请编号"), max_length=32, unique=True)
    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="invitations"
    )
    phone = models.CharField(
        _("手机号"), max_length=20, blank=True
    )  # E.164; empty: its holder has closed his login since
    role = models.CharField(_("身份"), max_length=10, choices=Membership.Role.choices)
    invited_by = models.ForeignKey(User, verbose_name=_("邀请人"), on_delete=models.PROTECT, related_name="+")
    state = models.CharField(
        _("状态"), max_length=10, choices=InvitationState.choices, default=InvitationState.PENDING
    )
    created_at = models.DateTimeField(_("邀请时间"))
    expires_at = models.DateTimeField(_("失效时间"))
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)  # null while PENDING
    ended_by = models.CharField(_("操作人"), max_length=80, blank=True, default="")  # empty while PENDING

    class Meta:
        verbose_name = _("成员邀请")
        verbose_name_plural = pgettext_lazy("plural", "成员邀请")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "phone"],
                condition=models.Q(state="PENDING"),
                name="invitation_one_pending",
            ),
            models.CheckConstraint(
                condition=models.Q(state="PENDING", ended_at__isnull=True)
                | (~models.Q(state="PENDING") & models.Q(ended_at__isnull=False)),
                name="invitation_ended_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["phone"], name="invitation_phone", condition=~models.Q(phone="")),
            models.Index(fields=["invited_by", "-created_at"], name="invitation_inviter"),
            models.Index(
                fields=["expires_at"], name="invitation_expiring", condition=models.Q(state="PENDING")
            ),
        ]
        triggers = [
            NeverDelete(name="invitation_never_deleted"),
            Fixed(
                name="invitation_fixed",
                columns=("reference", "account_id", "role", "invited_by_id", "created_at", "expires_at"),
            ),
            StartsAt(name="invitation_starts_pending", machine=INVITATION_MACHINE),
            Transitions(name="invitation_transitions", machine=INVITATION_MACHINE),
        ]

    def __str__(self) -> str:
        return self.reference

    def is_open(self, as_of: datetime) -> bool:
        """Whether it can still be accepted."""
        return self.state == InvitationState.PENDING and self.expires_at > as_of
