from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.adjustments import Adjustment
from billing.models.bills import Bill
from billing.models.querysets import OfAccountQuerySet
from billing.models.receipts import Receipt, Refund
from billing.models.transfers import ReceiptTransfer
from core.db import AppendOnly, NeverDelete


class EntryKind(models.TextChoices):
    BILL = "BILL", _("出账")  # negative
    RECEIPT = "RECEIPT", _("收款")  # positive
    REFUND = "REFUND", _("退款")  # negative
    ADJUSTMENT = "ADJUSTMENT", _("减免")  # positive
    TRANSFER = "TRANSFER", _("转户")  # negative where the money leaves, positive where it arrives


_CAUSES = ("bill", "receipt", "refund", "adjustment", "transfer")


def _cause(of: str, entry: Q) -> Q:
    """The entry names this cause and no other."""
    return entry & Q(**{f"{cause}__isnull": cause != of for cause in _CAUSES})


class AccountBalance(models.Model):
    """The sum of an account's ledger entries: above zero is the customer's credit, below zero is owed on balance."""

    account = models.OneToOneField(
        "accounts.BillingAccount",
        verbose_name=_("户号"),
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="balance",
    )
    balance_cents = models.BigIntegerField(_("余额"), default=0)

    class Meta:
        verbose_name = _("账户余额")
        verbose_name_plural = pgettext_lazy("plural", "账户余额")
        triggers = [NeverDelete(name="balance_never_deleted")]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.balance_cents}"


class LedgerEntry(models.Model):
    """One movement of an account's money, in the customer's favour when positive. Never changed."""

    account = models.ForeignKey(
        "accounts.BillingAccount", verbose_name=_("户号"), on_delete=models.PROTECT, related_name="entries"
    )
    kind = models.CharField(_("类型"), max_length=10, choices=EntryKind.choices)
    amount_cents = models.BigIntegerField(_("金额"))
    # The causes are indexed by the unique constraints below, each only where it is set.
    bill = models.ForeignKey(
        Bill,
        verbose_name=_("账单"),
        on_delete=models.PROTECT,
        null=True,
        related_name="entries",
        db_index=False,
    )  # set for BILL
    receipt = models.ForeignKey(
        Receipt,
        verbose_name=_("收款"),
        on_delete=models.PROTECT,
        null=True,
        related_name="entries",
        db_index=False,
    )  # for RECEIPT
    refund = models.ForeignKey(
        Refund,
        verbose_name=_("退款"),
        on_delete=models.PROTECT,
        null=True,
        related_name="entries",
        db_index=False,
    )  # for REFUND
    adjustment = models.ForeignKey(
        Adjustment,
        verbose_name=_("减免"),
        on_delete=models.PROTECT,
        null=True,
        related_name="entries",
        db_index=False,
    )  # for ADJUSTMENT
    transfer = models.ForeignKey(
        ReceiptTransfer,
        verbose_name=_("转户"),
        on_delete=models.PROTECT,
        null=True,
        related_name="entries",
        db_index=False,
    )  # for TRANSFER
    at = models.DateTimeField(_("时间"))

    objects = OfAccountQuerySet["LedgerEntry"].as_manager()

    class Meta:
        verbose_name = _("账务流水")
        verbose_name_plural = _("账务流水")
        constraints = [
            models.UniqueConstraint(fields=["bill"], condition=Q(bill__isnull=False), name="entry_bill_once"),
            models.UniqueConstraint(
                fields=["receipt"], condition=Q(receipt__isnull=False), name="entry_receipt_once"
            ),
            models.UniqueConstraint(
                fields=["refund"], condition=Q(refund__isnull=False), name="entry_refund_once"
            ),
            models.UniqueConstraint(
                fields=["adjustment"], condition=Q(adjustment__isnull=False), name="entry_adjustment_once"
            ),
            models.UniqueConstraint(
                fields=["transfer", "account"],
                condition=Q(transfer__isnull=False),
                name="entry_transfer_once_each_side",
            ),
            models.CheckConstraint(
                condition=_cause("bill", Q(kind="BILL", amount_cents__lte=0))
                | _cause("receipt", Q(kind="RECEIPT", amount_cents__gt=0))
                | _cause("refund", Q(kind="REFUND", amount_cents__lt=0))
                | _cause("adjustment", Q(kind="ADJUSTMENT", amount_cents__gt=0))
                | _cause("transfer", Q(kind="TRANSFER") & ~Q(amount_cents=0)),
                name="entry_has_its_cause",
            ),
        ]
        triggers = [AppendOnly(name="ledger_entry_append_only")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_cents}"
