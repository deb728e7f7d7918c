from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.bills import Bill
from billing.models.querysets import OfAccountQuerySet
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine


class PaymentState(models.TextChoices):
    CREATED = "CREATED", _("已创建")
    PENDING = "PENDING", _("待支付")
    UNKNOWN = "UNKNOWN", _("确认中")  # timed out, may have worked
    SUCCEEDED = "SUCCEEDED", _("已支付")
    FAILED = "FAILED", _("支付失败")
    EXPIRED = "EXPIRED", _("已关闭")


_P = PaymentState
PAYMENT_MACHINE = Machine(
    name="payment",
    initial=_P.CREATED,
    transitions={
        _P.CREATED: frozenset({_P.PENDING, _P.UNKNOWN, _P.SUCCEEDED, _P.FAILED, _P.EXPIRED}),
        _P.PENDING: frozenset({_P.UNKNOWN, _P.SUCCEEDED, _P.FAILED, _P.EXPIRED}),
        _P.UNKNOWN: frozenset({_P.PENDING, _P.SUCCEEDED, _P.FAILED, _P.EXPIRED}),
        _P.SUCCEEDED: frozenset(),
        _P.FAILED: frozenset(),
        _P.EXPIRED: frozenset(),
    },
)
UNDECIDED = (_P.CREATED, _P.PENDING, _P.UNKNOWN)


class PaymentPurpose(models.TextChoices):
    BILLS = "BILLS", _("缴账单")  # settles open bills; the rest is credit
    TOPUP = "TOPUP", _("预存")  # all of it is credit; the account's own choice says whether that pays bills


class Payment(models.Model):
    """One try to pay an amount into an account through one gateway. Money itself is a Receipt."""

    reference = models.CharField(
        _("支付单号"), max_length=32, unique=True
    )  # [0-9A-Za-z], our order number there
    account = models.ForeignKey(
        "accounts.BillingAccount", verbose_name=_("户号"), on_delete=models.PROTECT, related_name="payments"
    )
    bill = models.ForeignKey(
        Bill, verbose_name=_("账单"), on_delete=models.PROTECT, null=True, blank=True, related_name="payments"
    )  # paid first; null: oldest first
    payer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("付款人"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # null: not a logged-in person
    gateway = models.CharField(_("支付方式"), max_length=20)
    amount_cents = models.BigIntegerField(_("金额"))
    purpose = models.CharField(
        _("用途"),
        max_length=6,
        choices=PaymentPurpose.choices,
        default=PaymentPurpose.BILLS,
        db_default=PaymentPurpose.BILLS,
    )
    state = models.CharField(
        _("状态"), max_length=10, choices=PaymentState.choices, default=PaymentState.CREATED
    )
    created_at = models.DateTimeField(_("创建时间"))
    expires_at = models.DateTimeField(_("关闭时间"))  # closed (query first) after this
    next_query_at = models.DateTimeField(_("下次查询"))  # when the gateway is asked next, while undecided
    queries = models.PositiveSmallIntegerField(_("查询次数"), default=0)
    succeeded_at = models.DateTimeField(_("支付成功"), null=True, blank=True)  # null unless SUCCEEDED

    objects = OfAccountQuerySet["Payment"].as_manager()

    class Meta:
        verbose_name = _("支付")
        verbose_name_plural = pgettext_lazy("plural", "支付")
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=Q(state="SUCCEEDED", succeeded_at__isnull=False)
                | (~Q(state="SUCCEEDED") & Q(succeeded_at__isnull=True)),
                name="payment_succeeded_has_time",
            ),
            models.CheckConstraint(
                condition=Q(reference__regex=r"^[0-9A-Za-z]{6,32}$"), name="payment_reference_form"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_query_at", "id"],
                name="payment_undecided",
                condition=Q(state__in=["CREATED", "PENDING", "UNKNOWN"]),
            ),
            models.Index(fields=["account", "-created_at"], name="payment_account"),
            BrinIndex(fields=["created_at"], name="payment_created"),  # staff search by dates
        ]
        triggers = [
            NeverDelete(name="payment_never_deleted"),
            StartsAt(name="payment_starts_created", machine=PAYMENT_MACHINE),
            Transitions(name="payment_transitions", machine=PAYMENT_MACHINE),
            Fixed(
                name="payment_fixed",
                columns=("reference", "account_id", "amount_cents", "gateway", "purpose", "created_at"),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_undecided(self) -> bool:
        return self.state in UNDECIDED


class PaymentHistory(models.Model):
    """Each change of a payment's state."""

    payment = models.ForeignKey(
        Payment, verbose_name=_("支付"), on_delete=models.PROTECT, related_name="history"
    )
    from_state = models.CharField(_("原状态"), max_length=10, blank=True)
    to_state = models.CharField(_("新状态"), max_length=10)
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=200, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("支付状态记录")
        verbose_name_plural = _("支付状态记录")
        triggers = [AppendOnly(name="payment_history_append_only")]

    def __str__(self) -> str:
        return f"{self.payment_id} {self.to_state}"
