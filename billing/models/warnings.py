from fractions import Fraction

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.bills import Bill
from core import money
from core.db import AppendOnly, Fixed, NeverDelete


class LargeBill(models.Model):
    """A bill of more than five times the mean of the three months before it: the customer is told at once, and staff
    look whether it is right (电信条例 art. 33)."""

    bill = models.OneToOneField(
        Bill, verbose_name=_("账单"), on_delete=models.PROTECT, related_name="large_bill", primary_key=True
    )
    before_cents = models.BigIntegerField(
        _("前三个月合计")
    )  # three times the mean, so that nothing is rounded
    found_at = models.DateTimeField(_("发现时间"))
    told_at = models.DateTimeField(
        _("通知时间"), null=True, blank=True
    )  # null: the account has no contact phone to write to
    checked_at = models.DateTimeField(_("核查时间"), null=True, blank=True)  # null: staff have not looked yet

    class Meta:
        verbose_name = _("巨额账单")
        verbose_name_plural = pgettext_lazy("plural", "巨额账单")
        indexes = [
            models.Index(
                fields=["found_at"], name="large_bill_unchecked", condition=Q(checked_at__isnull=True)
            )
        ]
        triggers = [
            NeverDelete(name="large_bill_never_deleted"),
            Fixed(name="large_bill_fixed", columns=("bill_id", "before_cents", "found_at")),
        ]

    def __str__(self) -> str:
        return str(self.bill_id)

    @property
    def mean_cents(self) -> int:
        """The mean of the three months before, to the nearest fen: for people; what decides is `before_cents`."""
        return money.round_half_up(Fraction(self.before_cents, 3))


class LargeBillSearch(models.Model):
    """One search for large bills: how far it looked, so that the next one need not begin at the beginning."""

    up_to = models.BigIntegerField(_("查到的账单"))  # the highest id that the search has looked at
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("巨额账单检查")
        verbose_name_plural = pgettext_lazy("plural", "巨额账单检查")
        triggers = [AppendOnly(name="large_bill_search_append_only")]

    def __str__(self) -> str:
        return f"{self.up_to}"
