"""What users may do on billing accounts."""

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models.customers import BillingAccount
from accounts.models.users import User
from core.db import AppendOnly, Law, refuse


class NotOfSuspense(Law):
    """Nobody is a member of an account in which money waits whose owner is not known."""

    operation = pgtrigger.Insert | pgtrigger.UpdateOf("account_id")  # type: ignore[no-untyped-call]

    def __init__(self, *, name: str) -> None:
        func = (
            "IF NOT EXISTS (SELECT FROM accounts_billingaccount WHERE id = NEW.account_id AND purpose = 'SUSPENSE')"
            " THEN RETURN NEW; END IF; " + refuse(name, "an account in suspense belongs to nobody")
        )
        super().__init__(name=name, func=func)


class NotOfClosed(Law):
    """Nobody joins an account that is closed."""

    operation = pgtrigger.Insert | pgtrigger.UpdateOf("account_id")  # type: ignore[no-untyped-call]

    def __init__(self, *, name: str) -> None:
        func = (
            "IF NOT EXISTS (SELECT FROM accounts_billingaccount WHERE id = NEW.account_id AND closed_at IS NOT NULL)"
            " THEN RETURN NEW; END IF; " + refuse(name, "a closed account takes no new members")
        )
        super().__init__(name=name, func=func)


class Membership(models.Model):
    """What a user may do on a billing account."""

    class Role(models.TextChoices):
        OWNER = "OWNER", _("户主")
        PAYER = "PAYER", _("代缴人")
        VIEWER = "VIEWER", pgettext_lazy("role", "查看")
        HANDLER = "HANDLER", _("经办人")

    user = models.ForeignKey(
        User, verbose_name=_("用户"), on_delete=models.CASCADE, related_name="memberships"
    )
    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(_("身份"), max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(_("绑定时间"))

    class Meta:
        verbose_name = _("成员")
        verbose_name_plural = pgettext_lazy("plural", "成员")
        constraints = [models.UniqueConstraint(fields=["user", "account"], name="membership_once")]
        triggers = [
            NotOfSuspense(name="membership_of_a_customer"),
            NotOfClosed(name="membership_of_an_open_account"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}:{self.user_id} {self.role}"


class MembershipHistory(models.Model):
    """Who joined or left which account, or got another role there, when and by whom."""

    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="+"
    )
    user_ref = models.CharField(_("用户"), max_length=80)
    role = models.CharField(_("身份"), max_length=10)
    change = models.CharField(_("变动"), max_length=10)  # ADDED | CHANGED | REMOVED
    actor = models.CharField(_("操作人"), max_length=80)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("成员变动记录")
        verbose_name_plural = _("成员变动记录")
        triggers = [AppendOnly(name="membership_history_append_only")]

    def __str__(self) -> str:
        return f"{self.change} {self.user_ref}"
