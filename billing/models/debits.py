"""Bills that a bank debits by agreement: the agreement, what was announced under it, and each try."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.bills import Bill
from billing.models.payments import Payment
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine


class DebitAgreementState(models.TextChoices):
    PENDING = "PENDING", _("待签约")  # the customer has not signed at the bank yet
    ACTIVE = "ACTIVE", _("代扣中")
    ENDED = "ENDED", _("已终止")  # by the customer, by the bank, replaced, or never signed in time


_D = DebitAgreementState
DEBIT_AGREEMENT_MACHINE = Machine(
    name="debit_agreement",
    initial=_D.PENDING,
    transitions={
        _D.PENDING: frozenset({_D.ACTIVE, _D.ENDED}),
        _D.ACTIVE: frozenset({_D.ENDED}),
        _D.ENDED: frozenset(),  # nothing brings it back: another one, signed anew, does
    },
)
OPEN = (_D.PENDING, _D.ACTIVE)


class DebitAgreement(models.Model):
    """A customer lets his bank pay the account's monthly bills. Another limit is another agreement."""

    reference = models.CharField(_("协议编号"), max_length=32, unique=True)  # random; ours at the bank
    account = models.ForeignKey(
        "accounts.BillingAccount",
        verbose_name=_("户号"),
        on_delete=models.PROTECT,
        related_name="debit_agreements",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("签约人"), on_delete=models.PROTECT, related_name="+"
    )  # whose bank account pays
    gateway = models.CharField(_("代扣渠道"), max_length=20)
    agreement_no = models.CharField(
        _("银行协议号"), max_length=64, blank=True, default=""
    )  # "" until it is signed
    max_cents = models.BigIntegerField(_("每笔上限"))
    consent = models.TextField(_("同意的内容"))  # the sentence as it was read when it was agreed to
    language = models.CharField(_("语言"), max_length=10)  # of the messages
    state = models.CharField(_("状态"), max_length=10, choices=_D.choices, default=_D.PENDING)
    created_at = models.DateTimeField(_("申请时间"))
    sign_by = models.DateTimeField(_("签约期限"))
    signed_at = models.DateTimeField(_("签约时间"), null=True, blank=True)  # null: never signed
    ended_there_at = models.DateTimeField(
        _("银行已知终止"), null=True, blank=True
    )  # null: not ended, or the bank still has to be told

    class Meta:
        verbose_name = _("代扣协议")
        verbose_name_plural = pgettext_lazy("plural", "代扣协议")
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(state__in=["PENDING", "ACTIVE"]),
                name="debit_agreement_one_open",
            ),
            models.UniqueConstraint(
                fields=["gateway", "agreement_no"],
                condition=~Q(agreement_no=""),
                name="debit_agreement_no_once",
            ),
            models.CheckConstraint(condition=Q(max_cents__gt=0), name="debit_agreement_max_positive"),
            models.CheckConstraint(
                condition=~Q(state="ACTIVE") | (Q(signed_at__isnull=False) & ~Q(agreement_no="")),
                name="debit_agreement_active_is_signed",
            ),
            models.CheckConstraint(
                condition=Q(state="ENDED") | Q(ended_there_at__isnull=True),
                name="debit_agreement_told_only_of_an_end",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="debit_agreement_account"),
            models.Index(fields=["id"], name="debit_agreement_active", condition=Q(state="ACTIVE")),
            models.Index(fields=["id"], name="debit_agreement_pending", condition=Q(state="PENDING")),
            models.Index(
                fields=["id"],
                name="debit_agreement_to_tell",
                condition=Q(state="ENDED", ended_there_at__isnull=True),
            ),
        ]
        triggers = [
            NeverDelete(name="debit_agreement_never_deleted"),
            StartsAt(name="debit_agreement_starts_pending", machine=DEBIT_AGREEMENT_MACHINE),
            Transitions(name="debit_agreement_transitions", machine=DEBIT_AGREEMENT_MACHINE),
            Fixed(
                name="debit_agreement_fixed",
                columns=(
                    "reference",
                    "account_id",
                    "user_id",
                    "gateway",
                    "max_cents",
                    "consent",
                    "created_at",
                    "sign_by",
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class DebitAgreementHistory(models.Model):
    """Each change of an agreement's state."""

    agreement = models.ForeignKey(
        DebitAgreement, verbose_name=_("代扣协议"), on_delete=models.PROTECT, related_name="history"
    )
    from_state = models.CharField(_("原状态"), max_length=10, blank=True)
    to_state = models.CharField(_("新状态"), max_length=10)
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=200, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("代扣协议状态记录")
        verbose_name_plural = _("代扣协议状态记录")
        triggers = [AppendOnly(name="debit_agreement_history_append_only")]

    def __str__(self) -> str:
        return f"{self.agreement_id} {self.to_state}"


class DebitNotice(models.Model):
    """The customer was told that a bill will be debited, or that it is above his limit: once for each agreement."""

    agreement = models.ForeignKey(
        DebitAgreement, verbose_name=_("代扣协议"), on_delete=models.PROTECT, related_name="notices"
    )
    bill = models.ForeignKey(
        Bill, verbose_name=_("账单"), on_delete=models.PROTECT, related_name="debit_notices"
    )
    amount_cents = models.BigIntegerField(_("预告金额"))  # more than this is never debited
    debit_on = models.DateField(_("扣款日"))  # not before this day
    at = models.DateTimeField(_("预告时间"))

    class Meta:
        verbose_name = _("代扣预告")
        verbose_name_plural = pgettext_lazy("plural", "代扣预告")
        constraints = [
            models.UniqueConstraint(fields=["agreement", "bill"], name="debit_notice_once"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="debit_notice_amount_positive"),
        ]
        triggers = [AppendOnly(name="debit_notice_append_only")]

    def __str__(self) -> str:
        return f"{self.agreement_id} {self.bill_id}"


class DebitTry(models.Model):
    """One try to debit an announced bill: a payment of its own."""

    notice = models.ForeignKey(
        DebitNotice, verbose_name=_("代扣预告"), on_delete=models.PROTECT, related_name="tries"
    )
    number = models.PositiveSmallIntegerField(_("第几次"))  # from 1
    payment = models.OneToOneField(
        Payment, verbose_name=_("支付"), on_delete=models.PROTECT, related_name="debit_try"
    )
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("代扣扣款")
        verbose_name_plural = pgettext_lazy("plural", "代扣扣款")
        constraints = [
            models.UniqueConstraint(fields=["notice", "number"], name="debit_try_once"),
            models.CheckConstraint(condition=Q(number__gte=1, number__lte=3), name="debit_try_three_at_most"),
        ]
        triggers = [AppendOnly(name="debit_try_append_only")]

    def __str__(self) -> str:
        return f"{self.notice_id} {self.number}"
