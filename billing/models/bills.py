from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.querysets import OfAccountQuerySet
from core.db import AppendOnly, Fixed, NeverDelete


class BillKind(models.TextChoices):
    PERIODIC = "PERIODIC", _("月账单")
    ORDER = "ORDER", _("订购账单")
    PENALTY = "PENALTY", _("违约金账单")


class BillQuerySet(OfAccountQuerySet["Bill"]):
    def open(self) -> Self:
        """Bills on which something is still owed."""
        return self.filter(open_cents__gt=0)


class Bill(models.Model):
    """What an account owes for one period, order, or late-payment penalty. The total never changes.

    Payments raise `paid_cents`; a mistake in the bill is put right by an Adjustment, which raises `adjusted_cents`.
    """

    # Bills come a million at a time: an index that another one covers is left out, here and in what hangs on a bill.
    number = models.CharField(_("账单号"), max_length=40)  # unique by constraint, without the index for LIKE
    account = models.ForeignKey(
        "accounts.BillingAccount",
        verbose_name=_("户号"),
        on_delete=models.PROTECT,
        related_name="bills",
        db_index=False,  # bill_history begins with it
    )
    kind = models.CharField(_("账单类型"), max_length=10, choices=BillKind.choices, default=BillKind.PERIODIC)
    period = models.CharField(_("账期"), max_length=7, blank=True, default="")  # "2026-11"; empty for orders
    issued_on = models.DateField(_("出账日"))
    due_on = models.DateField(_("缴费截止日"))  # last day on which paying is in time
    total_cents = models.BigIntegerField(_("应缴"))
    paid_cents = models.BigIntegerField(_("已缴"), default=0)  # = Σ allocations
    adjusted_cents = models.BigIntegerField(_("已减免"), default=0, db_default=0)  # = Σ adjustments
    open_cents = models.GeneratedField(  # what is still owed on it
        expression=F("total_cents") - F("paid_cents") - F("adjusted_cents"),
        output_field=models.BigIntegerField(_("未缴")),
        db_persist=True,
    )
    penalty_of = models.ForeignKey(
        "self",
        verbose_name=_("所属账单"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="penalty_bills",
        db_index=False,  # bill_penalties holds the few that have one
    )  # the bill that was paid late; set for PENALTY
    source = models.CharField(
        _("来源"), max_length=60, default="hall"
    )  # who wrote it: "hall" or the import profile
    source_number = models.CharField(
        _("来源编号"), max_length=60
    )  # its number there, kept as text (leading zeros)
    created_at = models.DateTimeField(_("写入时间"))

    objects = BillQuerySet.as_manager()

    class Meta:
        verbose_name = _("账单")
        verbose_name_plural = pgettext_lazy("plural", "账单")
        permissions = [("approve_bill", _("批准账单的减免"))]
        constraints = [
            models.UniqueConstraint(fields=["number"], name="bill_number_once"),
            models.UniqueConstraint(fields=["source", "source_number"], name="bill_source_once"),
            models.CheckConstraint(
                condition=Q(paid_cents__gte=0, adjusted_cents__gte=0)
                & Q(total_cents__gte=F("paid_cents") + F("adjusted_cents")),
                name="bill_paid_within_total",
            ),
            models.CheckConstraint(
                condition=Q(kind="PENALTY", penalty_of__isnull=False)
                | (~Q(kind="PENALTY") & Q(penalty_of__isnull=True)),
                name="bill_penalty_has_its_bill",
            ),
            models.CheckConstraint(condition=Q(due_on__gte=F("issued_on")), name="bill_due_after_issue"),
        ]
        indexes = [
            models.Index(fields=["account", "-issued_on", "-id"], name="bill_history"),
            models.Index(fields=["account", "due_on", "id"], name="bill_open", condition=Q(open_cents__gt=0)),
            models.Index(fields=["penalty_of"], name="bill_penalties", condition=Q(penalty_of__isnull=False)),
        ]
        triggers = [
            NeverDelete(name="bill_never_deleted"),
            Fixed(
                name="bill_fixed",
                columns=(
                    "number",
                    "account_id",
                    "total_cents",
                    "source",
                    "source_number",
                    "issued_on",
                    "kind",
                    "due_on",
                    "penalty_of_id",
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class BillLine(models.Model):
    """One item of a bill. The lines sum to the bill's total."""

    bill = models.ForeignKey(
        Bill, verbose_name=_("账单"), on_delete=models.PROTECT, related_name="lines", db_index=False
    )  # bill_line_position begins with it
    position = models.PositiveSmallIntegerField(_("序号"))
    code = models.CharField(_("科目代码"), max_length=40)  # the biller's item code
    text = models.CharField(_("项目"), max_length=200)
    amount_cents = models.BigIntegerField(_("金额"))  # negative: a discount
    source_kind = models.CharField(
        _("来源类型"), max_length=40, blank=True, default=""
    )  # what it is for; empty: not known
    source_id = models.CharField(_("来源编号"), max_length=60, blank=True, default="")

    class Meta:
        verbose_name = _("账单明细")
        verbose_name_plural = pgettext_lazy("plural", "账单明细")
        constraints = [models.UniqueConstraint(fields=["bill", "position"], name="bill_line_position")]
        triggers = [AppendOnly(name="bill_line_append_only")]

    def __str__(self) -> str:
        return self.text
