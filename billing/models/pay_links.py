from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.bills import Bill
from billing.models.payments import Payment
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine


class PayLinkState(models.TextChoices):
    OPEN = "OPEN", _("有效")  # until expires_at
    USED = "USED", _("已付款")
    WITHDRAWN = "WITHDRAWN", _("已撤回")


_L = PayLinkState
PAY_LINK_MACHINE = Machine(
    name="pay_link",
    initial=_L.OPEN,
    transitions={
        _L.OPEN: frozenset({_L.USED, _L.WITHDRAWN}),
        _L.WITHDRAWN: frozenset({_L.USED}),  # the customer was at the cashier already
        _L.USED: frozenset(),
    },
)


class PayLink(models.Model):
    """An address that lets whoever holds it pay into one account, and nothing else. Only its digest is kept."""

    account = models.ForeignKey(
        "accounts.BillingAccount", verbose_name=_("户号"), on_delete=models.PROTECT, related_name="+"
    )
    bill = models.ForeignKey(
        Bill, verbose_name=_("账单"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # paid first; null: oldest first
    amount_cents = models.BigIntegerField(
        _("金额"), null=True, blank=True
    )  # null: all that is owed when it is opened (of the bill, where one is named)
    token_digest = models.CharField(max_length=64)  # SHA-256; the token itself is in the message alone
    state = models.CharField(
        _("状态"), max_length=10, choices=PayLinkState.choices, default=PayLinkState.OPEN
    )
    payment = models.ForeignKey(
        Payment, verbose_name=_("支付"), on_delete=models.PROTECT, null=True, blank=True, related_name="links"
    )  # the last one that was started with it; null: none yet
    sent_to = models.CharField(
        _("发送到"), max_length=20, blank=True, default=""
    )  # masked; empty: handed to another sender
    created_by = models.CharField(_("发起人"), max_length=80)
    created_at = models.DateTimeField(_("发起时间"))
    expires_at = models.DateTimeField(_("失效时间"))

    class Meta:
        verbose_name = _("缴费链接")
        verbose_name_plural = pgettext_lazy("plural", "缴费链接")
        constraints = [
            models.UniqueConstraint(fields=["token_digest"], name="pay_link_token_once"),
            models.CheckConstraint(
                condition=Q(amount_cents__isnull=True) | Q(amount_cents__gt=0),
                name="pay_link_amount_positive",
            ),
            models.CheckConstraint(condition=Q(expires_at__gte=F("created_at")), name="pay_link_has_a_life"),
        ]
        indexes = [models.Index(fields=["account", "-created_at"], name="pay_link_account")]
        triggers = [
            NeverDelete(name="pay_link_never_deleted"),
            StartsAt(name="pay_link_starts_open", machine=PAY_LINK_MACHINE),
            Transitions(name="pay_link_transitions", machine=PAY_LINK_MACHINE),
            Fixed(
                name="pay_link_fixed",
                columns=(
                    "account_id",
                    "bill_id",
                    "amount_cents",
                    "token_digest",
                    "created_by",
                    "created_at",
                    "expires_at",
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} #{self.pk}"

    def is_open(self, as_of: datetime) -> bool:
        return self.state == PayLinkState.OPEN and as_of < self.expires_at


class PayLinkHistory(models.Model):
    """Each change of a link's state."""

    link = models.ForeignKey(
        PayLink, verbose_name=_("缴费链接"), on_delete=models.PROTECT, related_name="history"
    )
    from_state = models.CharField(_("原状态"), max_length=10, blank=True)
    to_state = models.CharField(_("新状态"), max_length=10)
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=300, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("缴费链接状态记录")
        verbose_name_plural = _("缴费链接状态记录")
        triggers = [AppendOnly(name="pay_link_history_append_only")]

    def __str__(self) -> str:
        return f"{self.link_id} {self.to_state}"
