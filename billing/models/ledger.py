from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.bills import Bill
from billing.models.querysets import OfAccountQuerySet
from billing.models.receipts import Receipt, Refund
from core.db import AppendOnly, NeverDelete


class EntryKind(models.TextChoices):
    BILL = "BILL", _("出账")  # negative
    RECEIPT = "RECEIPT", _("收款")  # positive
    REFUND = "REFUND", _("退款")  # negative


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
    kind = models.CharField(_("类型"), max_length=8, choices=EntryKind.choices)
    amount_cents = models.BigIntegerField(_("金额"))
    # The three causes are indexed by the unique constraints below, each only where it is set.
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
            models.CheckConstraint(
                condition=Q(
                    kind="BILL",
                    bill__isnull=False,
                    receipt__isnull=True,
                    refund__isnull=True,
                    amount_cents__lte=0,
                )
                | Q(
                    kind="RECEIPT",
                    bill__isnull=True,
                    receipt__isnull=False,
                    refund__isnull=True,
                    amount_cents__gt=0,
                )
                | Q(
                    kind="REFUND",
                    bill__isnull=True,
                    receipt__isnull=True,
                    refund__isnull=False,
                    amount_cents__lt=0,
                ),
                name="entry_has_its_cause",
            ),
        ]
        triggers = [AppendOnly(name="ledger_entry_append_only")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_cents}"
