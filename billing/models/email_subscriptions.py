"""Bills by e-mail: who wants them where, and which were sent."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.bills import Bill
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine


class EmailSubscriptionState(models.TextChoices):
    PENDING = "PENDING", _("待确认")  # the mailbox's reader has not said yes yet
    ACTIVE = "ACTIVE", _("已开通")
    ENDED = "ENDED", _("已结束")  # unsubscribed, replaced, refused, or never confirmed in time
    BOUNCED = "BOUNCED", _("已退信")  # the mailbox takes no mail


_E = EmailSubscriptionState
EMAIL_SUBSCRIPTION_MACHINE = Machine(
    name="email_subscription",
    initial=_E.PENDING,
    transitions={
        _E.PENDING: frozenset({_E.ACTIVE, _E.ENDED, _E.BOUNCED}),
        _E.ACTIVE: frozenset({_E.ENDED, _E.BOUNCED}),
        _E.BOUNCED: frozenset({_E.ENDED}),  # nothing brings it back: another row, confirmed anew, does
        _E.ENDED: frozenset(),
    },
)
OPEN = (_E.PENDING, _E.ACTIVE, _E.BOUNCED)


class EmailSubscription(models.Model):
    """One address to which an account's bills shall go. Another address is another row."""

    reference = models.CharField(
        _("订阅编号"), max_length=32, unique=True
    )  # random; in links, and as recipient of the mails
    account = models.ForeignKey(
        "accounts.BillingAccount",
        verbose_name=_("户号"),
        on_delete=models.PROTECT,
        related_name="email_subscriptions",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("申请人"), on_delete=models.PROTECT, related_name="+"
    )  # who asked, and who alone can confirm
    address = models.CharField(_("邮箱"), max_length=254)  # ASCII, lower case: see notices.email_addresses
    language = models.CharField(_("语言"), max_length=10)  # of the mails
    consent = models.TextField(_("同意的内容"))  # the sentence as it was read when it was agreed to
    state = models.CharField(_("状态"), max_length=10, choices=_E.choices, default=_E.PENDING)
    token_digest = models.CharField(
        max_length=64, unique=True
    )  # SHA-256; the token itself is only in the mail
    created_at = models.DateTimeField(_("申请时间"))
    confirm_by = models.DateTimeField(_("确认期限"))
    confirmed_at = models.DateTimeField(_("确认时间"), null=True, blank=True)  # null: never confirmed

    class Meta:
        verbose_name = _("电子账单订阅")
        verbose_name_plural = pgettext_lazy("plural", "电子账单订阅")
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(state="ACTIVE"), name="email_subscription_one_active"
            ),
            models.UniqueConstraint(
                fields=["account"], condition=Q(state="PENDING"), name="email_subscription_one_pending"
            ),
            models.CheckConstraint(
                condition=~Q(state="ACTIVE") | Q(confirmed_at__isnull=False),
                name="email_subscription_active_is_confirmed",
            ),
            models.CheckConstraint(
                condition=~Q(state="PENDING") | Q(confirmed_at__isnull=True),
                name="email_subscription_pending_is_not",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="email_subscription_account"),
            models.Index(fields=["address", "-created_at"], name="email_subscription_address"),
            models.Index(fields=["user", "-created_at"], name="email_subscription_user"),
            models.Index(fields=["id"], name="email_subscription_active", condition=Q(state="ACTIVE")),
            models.Index(
                fields=["confirm_by"], name="email_subscription_pending", condition=Q(state="PENDING")
            ),
        ]
        triggers = [
            NeverDelete(name="email_subscription_never_deleted"),
            StartsAt(name="email_subscription_starts_pending", machine=EMAIL_SUBSCRIPTION_MACHINE),
            Transitions(name="email_subscription_transitions", machine=EMAIL_SUBSCRIPTION_MACHINE),
            Fixed(
                name="email_subscription_fixed",
                columns=(
                    "reference",
                    "account_id",
                    "user_id",
                    "address",
                    "consent",
                    "token_digest",
                    "created_at",
                    "confirm_by",
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class EmailSubscriptionHistory(models.Model):
    """Each change of a subscription's state."""

    subscription = models.ForeignKey(
        EmailSubscription, verbose_name=_("电子账单订阅"), on_delete=models.PROTECT, related_name="history"
    )
    from_state = models.CharField(_("原状态"), max_length=10, blank=True)
    to_state = models.CharField(_("新状态"), max_length=10)
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=200, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("电子账单订阅状态记录")
        verbose_name_plural = _("电子账单订阅状态记录")
        triggers = [AppendOnly(name="email_subscription_history_append_only")]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.to_state}"


class BillMail(models.Model):
    """A bill that was mailed: one mail for each bill, whoever asks, however often the job runs."""

    bill = models.OneToOneField(Bill, verbose_name=_("账单"), on_delete=models.PROTECT, related_name="mail")
    subscription = models.ForeignKey(
        EmailSubscription, verbose_name=_("电子账单订阅"), on_delete=models.PROTECT, related_name="mails"
    )
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("电子账单")
        verbose_name_plural = pgettext_lazy("plural", "电子账单")
        triggers = [AppendOnly(name="bill_mail_append_only")]

    def __str__(self) -> str:
        return str(self.bill_id)
