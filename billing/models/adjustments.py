from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.bills import Bill
from core.db import AppendOnly


class Adjustment(models.Model):
    """调账: part of a bill that is not owed after all. Counts from the day the bill was issued: no penalty on it."""

    number = models.CharField(_("调账单号"), max_length=32, unique=True)
    bill = models.ForeignKey(
        Bill, verbose_name=_("账单"), on_delete=models.PROTECT, related_name="adjustments"
    )
    amount_cents = models.BigIntegerField(_("减免金额"))
    reason = models.CharField(_("原因"), max_length=300)
    actor = models.CharField(_("操作人"), max_length=80)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("调账")
        verbose_name_plural = pgettext_lazy("plural", "调账")
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="adjustment_amount_positive")
        ]
        triggers = [AppendOnly(name="adjustment_append_only")]

    def __str__(self) -> str:
        return self.number
