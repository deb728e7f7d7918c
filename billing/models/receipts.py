from typing import Self

import pgtrigger
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.bills import Bill
from billing.models.payments import Payment
from billing.models.querysets import OfAccountQuerySet
from core.db import AppendOnly, Fixed, Law, NeverDelete, refuse


class ReviewReason(models.TextChoices):
    """Why somebody should look at a receipt before its money is used."""

    NONE = "", _("无")
    DUPLICATE = "DUPLICATE", _("同一订单重复付款")
    LATE = "LATE", _("关闭后到账")
    UNKNOWN_ORDER = "UNKNOWN_ORDER", _("找不到对应订单")  # in the suspense account until somebody decides
    AMOUNT = "AMOUNT", _("金额与订单不符")


FREE = Q(amount_cents__gt=F("allocated_cents") + F("refunded_cents") + F("refunding_cents"))


class ReceiptQuerySet(OfAccountQuerySet["Receipt"]):
    def with_credit(self) -> Self:
        """Receipts of which something is free to be used."""
        return self.filter(FREE, Q(review_reason="") | Q(reviewed_at__isnull=False))


class MovesOnlyWhole(Law):
    """Another account gets a receipt only while none of it is used: what was settled or refunded stays explained."""

    def __init__(self, *, name: str) -> None:
        func = (
            "IF NEW.account_id = OLD.account_id OR (NEW.allocated_cents = 0 AND NEW.refunded_cents = 0"
            " AND NEW.refunding_cents = 0 AND OLD.allocated_cents = 0 AND OLD.refunded_cents = 0"
            " AND OLD.refunding_cents = 0) THEN RETURN NEW; END IF; "
            + refuse(name, "only a receipt of which nothing is used moves to another account")
        )
        update = pgtrigger.UpdateOf("account_id")  # type: ignore[no-untyped-call]
        super().__init__(name=name, operation=update, func=func)


class Receipt(models.Model):
    """Money that came in, once per (gateway, trade number).

    What is neither allocated nor refunded is the account's credit. A refund that the gateway reports does not reopen
    the bills that the money settled: whether the fee is waived or owed again is a person's decision. Until then the
    receipt is unbalanced the other way (`unallocated_cents` < 0) and staff see it. Credit that somebody must look at
    (`review_reason` without `reviewed_at`) is never used by itself.
    """

    number = models.CharField(_("收据号"), max_length=32, unique=True)
    gateway = models.CharField(_("渠道"), max_length=40)  # "alipay", or the import profile
    trade_no = models.CharField(_("交易号"), max_length=64)  # the gateway's own
    payment = models.ForeignKey(
        Payment,
        verbose_name=_("支付"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="receipts",
    )  # null: not started here
    account = models.ForeignKey(
        "accounts.BillingAccount", verbose_name=_("户号"), on_delete=models.PROTECT, related_name="receipts"
    )
    amount_cents = models.BigIntegerField(_("金额"))
    allocated_cents = models.BigIntegerField(_("已销账"), default=0)  # = Σ allocations
    refunded_cents = models.BigIntegerField(_("已退款"), default=0)  # = Σ refunds
    refunding_cents = models.BigIntegerField(
        _("退款中"), default=0, db_default=0
    )  # = Σ refund requests under way
    reported_refunded_cents = models.BigIntegerField(
        _("渠道报告的退款累计"), default=0, db_default=0
    )  # the largest running total that the gateway told; 0 for gateways that tell each refund by itself
    review_reason = models.CharField(
        _("核查原因"), max_length=20, choices=ReviewReason.choices, blank=True, default=""
    )
    reviewed_at = models.DateTimeField(
        _("核查时间"), null=True, blank=True
    )  # null: nobody decided yet, or nothing to decide
    paid_at = models.DateTimeField(_("支付时间"))  # as the gateway says
    booked_at = models.DateTimeField(_("入账时间"))

    objects = ReceiptQuerySet.as_manager()

    class Meta:
        verbose_name = _("收款")
        verbose_name_plural = pgettext_lazy("plural", "收款")
        constraints = [
            models.UniqueConstraint(fields=["gateway", "trade_no"], name="receipt_trade_once"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="receipt_amount_positive"),
            models.CheckConstraint(
                condition=Q(allocated_cents__gte=0, allocated_cents__lte=F("amount_cents")),
                name="receipt_allocated_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(refunded_cents__gte=0, refunded_cents__lte=F("amount_cents")),
                name="receipt_refunded_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(refunding_cents__gte=0, reported_refunded_cents__gte=0),
                name="receipt_refunding_positive",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-paid_at"], name="receipt_account"),
            models.Index(fields=["booked_at"], name="receipt_booked"),
            models.Index(fields=["account", "paid_at", "id"], name="receipt_credit", condition=FREE),
            models.Index(
                fields=["booked_at", "id"],
                name="receipt_unbalanced",
                condition=~Q(amount_cents=F("allocated_cents") + F("refunded_cents")),
            ),
        ]
        triggers = [
            NeverDelete(name="receipt_never_deleted"),
            Fixed(
                name="receipt_fixed",
                columns=(
                    "number",
                    "gateway",
                    "trade_no",
                    "payment_id",
                    "amount_cents",
                    "review_reason",
                    "paid_at",
                    "booked_at",
                ),
            ),
            MovesOnlyWhole(name="receipt_moves_only_whole"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def unallocated_cents(self) -> int:
        """Fen to the account's credit; below zero: given back although it had settled a bill."""
        return self.amount_cents - self.allocated_cents - self.refunded_cents

    @property
    def free_cents(self) -> int:
        """Fen of it that no refund request has reserved; at most zero when nothing is left."""
        return self.unallocated_cents - self.refunding_cents

    @property
    def is_under_review(self) -> bool:
        return bool(self.review_reason) and self.reviewed_at is None


class Allocation(models.Model):
    """Part of a receipt used for a bill. Taking it back is a reversing row (negative amount)."""

    receipt = models.ForeignKey(
        Receipt, verbose_name=_("收款"), on_delete=models.PROTECT, related_name="allocations"
    )
    bill = models.ForeignKey(
        Bill, verbose_name=_("账单"), on_delete=models.PROTECT, related_name="allocations"
    )
    amount_cents = models.BigIntegerField(_("销账金额"))
    effective_on = models.DateField(
        _("生效日")
    )  # from this day on the sum counts as paid (or, reversed, as owed again): penalties go by it
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("销账")
        verbose_name_plural = pgettext_lazy("plural", "销账")
        constraints = [models.CheckConstraint(condition=~Q(amount_cents=0), name="allocation_not_zero")]
        triggers = [AppendOnly(name="allocation_append_only")]

    def __str__(self) -> str:
        return f"{self.receipt_id} → {self.bill_id}"


class Refund(models.Model):
    """Money of a receipt that went back to the payer, once per request number."""

    receipt = models.ForeignKey(
        Receipt, verbose_name=_("收款"), on_delete=models.PROTECT, related_name="refunds"
    )
    request_no = models.CharField(_("退款请求号"), max_length=64)
    amount_cents = models.BigIntegerField(_("退款金额"))
    refunded_at = models.DateTimeField(_("退款时间"))  # as the gateway says
    booked_at = models.DateTimeField(_("入账时间"))

    class Meta:
        verbose_name = _("退款")
        verbose_name_plural = pgettext_lazy("plural", "退款")
        constraints = [
            models.UniqueConstraint(fields=["receipt", "request_no"], name="refund_once"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="refund_amount_positive"),
        ]
        indexes = [
            BrinIndex(fields=["refunded_at"], name="refund_refunded"),  # a channel's day
            BrinIndex(fields=["booked_at"], name="refund_booked"),  # the hall's month
        ]
        triggers = [AppendOnly(name="refund_append_only")]

    def __str__(self) -> str:
        return self.request_no
