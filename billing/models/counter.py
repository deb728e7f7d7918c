import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.bills import Bill
from billing.models.receipts import Receipt, Refund
from core.db import AppendOnly, Law, refuse


class CounterMethod(models.TextChoices):
    CASH = "CASH", _("现金")
    POS = "POS", _("POS 刷卡")


class NotDeposited(Law):
    """What has been taken to the bank is not in the till any more: it cannot be paid back from there."""

    operation = pgtrigger.Insert

    def __init__(self, *, name: str) -> None:
        found = "EXISTS (SELECT FROM billing_cashdepositline WHERE money_id = NEW.money_id)"
        sentence = "this cash has been deposited"
        super().__init__(name=name, func=f"IF {found} THEN {refuse(name, sentence)} END IF; RETURN NEW;")


class DepositIsExact(Law):
    """When the transaction ends, a deposit is the sum of its cash, all of it in the till of who deposits it.

    `deposit` names the deposit in the new row ("NEW.id" or "NEW.deposit_id").
    """

    operation = pgtrigger.Insert
    when = pgtrigger.After

    def __init__(self, *, name: str, deposit: str) -> None:
        exact = f"""(
            SELECT d.amount_cents = coalesce(sum(r.amount_cents), 0)
                   AND bool_and(m.method = 'CASH' AND m.taken_by_id = d.deposited_by_id AND v.id IS NULL)
              FROM billing_cashdeposit d
              JOIN billing_cashdepositline l ON l.deposit_id = d.id
              JOIN billing_countermoney m ON m.id = l.money_id
              JOIN billing_receipt r ON r.id = m.receipt_id
              LEFT JOIN billing_counterreversal v ON v.money_id = m.id
             WHERE d.id = {deposit} GROUP BY d.id)"""
        sentence = "a deposit is exactly the cash in its maker's till that it names"
        func = f"IF {exact} THEN RETURN NEW; END IF; {refuse(name, sentence)}"
        super().__init__(name=name, func=func, timing=pgtrigger.Deferred)


class CounterMoney(models.Model):
    """Who took a receipt's money at the counter, and how. The receipt's trade number is the paper's number."""

    receipt = models.OneToOneField(
        Receipt, verbose_name=_("收款"), on_delete=models.PROTECT, related_name="counter"
    )
    method = models.CharField(_("收款方式"), max_length=4, choices=CounterMethod.choices)
    first_bill = models.ForeignKey(
        Bill, verbose_name=_("先缴账单"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: oldest first
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("收款人"), on_delete=models.PROTECT, related_name="+"
    )
    taken_at = models.DateTimeField(_("收款时间"))

    class Meta:
        verbose_name = _("柜台收款")
        verbose_name_plural = pgettext_lazy("plural", "柜台收款")
        permissions = [
            ("take_counter_money", _("柜台收款与解款")),
            ("approve_counter_reversal", _("批准柜台冲正")),
        ]
        indexes = [models.Index(fields=["taken_by", "-id"], name="counter_money_taker")]
        triggers = [AppendOnly(name="counter_money_append_only")]

    def __str__(self) -> str:
        return f"{self.method} {self.receipt_id}"


class CounterReversal(models.Model):
    """冲正: counter money that was entered wrongly and went back to the customer, all of it, once."""

    money = models.OneToOneField(
        CounterMoney, verbose_name=_("柜台收款"), on_delete=models.PROTECT, related_name="reversal"
    )
    refund = models.OneToOneField(
        Refund, verbose_name=_("退款"), on_delete=models.PROTECT, related_name="counter_reversal"
    )
    reason = models.CharField(_("原因"), max_length=300)
    actor = models.CharField(_("操作人"), max_length=80)  # who asked for it; the approval says who agreed
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("柜台冲正")
        verbose_name_plural = pgettext_lazy("plural", "柜台冲正")
        triggers = [
            AppendOnly(name="counter_reversal_append_only"),
            NotDeposited(name="counter_reversal_from_the_till"),
        ]

    def __str__(self) -> str:
        return f"{self.money_id}"


class CashDeposit(models.Model):
    """解款: cash that a member of staff took to the bank."""

    number = models.CharField(_("解款单号"), max_length=32, unique=True)
    bank_slip_no = models.CharField(_("银行回单号"), max_length=40)
    amount_cents = models.BigIntegerField(_("金额"))  # = Σ the receipts of its lines
    deposited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("解款人"), on_delete=models.PROTECT, related_name="+"
    )
    deposited_on = models.DateField(_("解款日"))  # as the bank's slip says
    created_at = models.DateTimeField(_("登记时间"))

    class Meta:
        verbose_name = _("现金解款")
        verbose_name_plural = pgettext_lazy("plural", "现金解款")
        constraints = [
            models.UniqueConstraint(fields=["bank_slip_no"], name="deposit_bank_slip_once"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="deposit_amount_positive"),
        ]
        indexes = [models.Index(fields=["deposited_by", "-id"], name="deposit_maker")]
        triggers = [
            AppendOnly(name="cash_deposit_append_only"),
            DepositIsExact(name="cash_deposit_exact", deposit="NEW.id"),
        ]

    def __str__(self) -> str:
        return self.number


class CashDepositLine(models.Model):
    """One piece of counter cash in a deposit; in no other one."""

    deposit = models.ForeignKey(
        CashDeposit, verbose_name=_("解款"), on_delete=models.PROTECT, related_name="lines"
    )
    money = models.OneToOneField(
        CounterMoney, verbose_name=_("柜台收款"), on_delete=models.PROTECT, related_name="deposit_line"
    )

    class Meta:
        verbose_name = _("解款明细")
        verbose_name_plural = pgettext_lazy("plural", "解款明细")
        triggers = [
            AppendOnly(name="deposit_line_append_only"),
            DepositIsExact(name="deposit_line_exact", deposit="NEW.deposit_id"),
        ]

    def __str__(self) -> str:
        return f"{self.deposit_id}: {self.money_id}"
