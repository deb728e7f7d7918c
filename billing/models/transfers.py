from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.receipts import Receipt
from core.db import AppendOnly


class ReceiptTransfer(models.Model):
    """A whole receipt moved from the account where it was booked to the one it was meant for."""

    receipt = models.ForeignKey(
        Receipt, verbose_name=_("收款"), on_delete=models.PROTECT, related_name="transfers"
    )
    from_account = models.ForeignKey(
        "accounts.BillingAccount", verbose_name=_("原户号"), on_delete=models.PROTECT, related_name="+"
    )
    to_account = models.ForeignKey(
        "accounts.BillingAccount", verbose_name=_("新户号"), on_delete=models.PROTECT, related_name="+"
    )
    amount_cents = models.BigIntegerField(_("金额"))  # the receipt's whole amount
    reason = models.CharField(_("原因"), max_length=300)
    actor = models.CharField(_("操作人"), max_length=80)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("收款转户")
        verbose_name_plural = pgettext_lazy("plural", "收款转户")
        permissions = [("approve_receipt", _("批准收款的处理"))]
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="transfer_amount_positive"),
            models.CheckConstraint(
                condition=~Q(from_account=F("to_account")), name="transfer_between_two_accounts"
            ),
        ]
        triggers = [AppendOnly(name="transfer_append_only")]

    def __str__(self) -> str:
        return f"{self.receipt_id}: {self.from_account_id} → {self.to_account_id}"
