from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.payments import Payment
from billing.models.receipts import Receipt, Refund
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine


class StatementCoverage(models.TextChoices):
    """Which lines such a file holds; that others are absent from it says nothing."""

    ALL = "ALL", _("支付与退款")
    PAYMENTS = "PAYMENTS", _("支付")
    REFUNDS = "REFUNDS", _("退款")


class LineKind(models.TextChoices):
    PAYMENT = "PAYMENT", _("支付")
    REFUND = "REFUND", _("退款")


class Verdict(models.TextChoices):
    """How a line of a statement and our books agree. MATCHED and LATE need nobody."""

    MATCHED = "MATCHED", _("一致")
    LATE = "LATE", _("跨日")  # the same money, on another day of ours
    LOCAL_ONLY = "LOCAL_ONLY", _("短款：渠道没有")
    CHANNEL_ONLY = "CHANNEL_ONLY", _("长款：我方没有")
    AMOUNT_MISMATCH = "AMOUNT_MISMATCH", _("金额不符")
    STATUS_MISMATCH = "STATUS_MISMATCH", _("状态不符")
    DUPLICATE = "DUPLICATE", _("重复支付")


class DifferenceState(models.TextChoices):
    HELD = "HELD", _("跨日待查")  # at the border of the day: the neighbour day's file may name it
    OPEN = "OPEN", _("待处理")
    CLEARED = "CLEARED", _("已自动消除")
    CLOSED = "CLOSED", _("已人工处理")


_D = DifferenceState
DIFFERENCE_MACHINE = Machine(
    name="statement difference",
    initial=_D.OPEN,  # or HELD
    transitions={
        _D.HELD: frozenset({_D.OPEN, _D.CLEARED}),
        _D.OPEN: frozenset({_D.CLEARED, _D.CLOSED}),
        _D.CLEARED: frozenset(),
        _D.CLOSED: frozenset(),
    },
)
UNSETTLED = (_D.HELD, _D.OPEN)


class Statement(models.Model):
    """One file of a channel for one day, as imported. A newer file of the same day is a new version beside it."""

    gateway = models.CharField(_("渠道"), max_length=20)
    merchant = models.CharField(
        _("商户号"), max_length=32, blank=True
    )  # whose money; "" when an empty file did not tell
    day = models.DateField(_("账单日"))
    coverage = models.CharField(_("范围"), max_length=8, choices=StatementCoverage.choices)
    version = models.PositiveSmallIntegerField(_("版本"))  # from 1; the highest one counts
    sha256 = models.CharField(_("文件摘要"), max_length=64)  # of the unpacked bytes, before decoding
    file_name = models.CharField(_("文件名"), max_length=200)
    payments = models.PositiveIntegerField(_("支付笔数"))
    payment_cents = models.BigIntegerField(_("支付金额"))
    refunds = models.PositiveIntegerField(_("退款笔数"))
    refund_cents = models.BigIntegerField(_("退款金额"))
    fee_cents = models.BigIntegerField(
        _("手续费")
    )  # as the file writes it: what a plus means differs by channel
    counts = models.JSONField(_("对账结果"))  # kind → verdict → [number, fen], as found at the import
    imported_by = models.CharField(_("导入人"), max_length=80)
    imported_at = models.DateTimeField(_("导入时间"))

    class Meta:
        verbose_name = _("对账单")
        verbose_name_plural = pgettext_lazy("plural", "对账单")
        constraints = [
            models.UniqueConstraint(
                fields=["gateway", "day", "merchant", "coverage", "version"], name="statement_version_once"
            ),
            models.UniqueConstraint(fields=["gateway", "sha256"], name="statement_file_once"),
        ]
        triggers = [AppendOnly(name="statement_append_only")]

    def __str__(self) -> str:
        return f"{self.gateway} {self.day}"


class StatementLine(models.Model):
    """One row of a statement. What no difference row points at was MATCHED."""

    # A million come at a time, in the transaction that writes their statement: the database does not look it up again
    # for each of them, and there is one index beside the key.
    statement = models.ForeignKey(
        Statement,
        verbose_name=_("对账单"),
        on_delete=models.PROTECT,
        related_name="lines",
        db_index=False,
        db_constraint=False,
    )
    row_number = models.PositiveIntegerField(_("行号"))  # of the file, from 1
    kind = models.CharField(_("类型"), max_length=7, choices=LineKind.choices)
    trade_no = models.CharField(_("交易号"), max_length=64)  # the channel's, of the payment
    reference = models.CharField(_("支付单号"), max_length=64)  # ours, as the channel knows it
    request_no = models.CharField(_("退款请求号"), max_length=64)  # ours; empty for payments
    amount_cents = models.BigIntegerField(_("金额"))  # never negative
    fee_cents = models.BigIntegerField(_("手续费"))  # as the file writes it
    finished_at = models.DateTimeField(_("完成时间"))  # as the channel says
    status = models.CharField(_("渠道状态"), max_length=32)  # in the channel's words
    app_id = models.CharField(_("应用号"), max_length=64)  # empty where the file does not tell
    product = models.CharField(_("商品"), max_length=128)  # cut at this length

    class Meta:
        verbose_name = _("对账单明细")
        verbose_name_plural = pgettext_lazy("plural", "对账单明细")
        constraints = [
            models.UniqueConstraint(fields=["statement", "row_number"], name="statement_line_once"),
        ]
        triggers = [AppendOnly(name="statement_line_append_only")]

    def __str__(self) -> str:
        return f"{self.trade_no} {self.request_no}".strip()


class StatementDifference(models.Model):
    """A line that is not simply MATCHED, or money of ours that a statement does not name. Moves no money."""

    statement = models.ForeignKey(
        Statement, verbose_name=_("对账单"), on_delete=models.PROTECT, related_name="differences"
    )  # that found it
    line = models.OneToOneField(
        StatementLine,
        verbose_name=_("对账单明细"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="difference",
    )  # null: LOCAL_ONLY
    kind = models.CharField(_("类型"), max_length=7, choices=LineKind.choices)
    verdict = models.CharField(_("差异"), max_length=20, choices=Verdict.choices)
    state = models.CharField(
        _("状态"), max_length=10, choices=DifferenceState.choices, default=DifferenceState.OPEN
    )
    gateway = models.CharField(_("渠道"), max_length=20)
    trade_no = models.CharField(_("交易号"), max_length=64)
    reference = models.CharField(_("支付单号"), max_length=64, blank=True)  # empty: neither side knows one
    request_no = models.CharField(_("退款请求号"), max_length=64, blank=True)  # empty for payments
    channel_cents = models.BigIntegerField(_("渠道金额"), null=True, blank=True)  # null: the channel has none
    hall_cents = models.BigIntegerField(_("我方金额"), null=True, blank=True)  # null: we have none
    detail = models.CharField(_("说明"), max_length=80, blank=True)  # both states, where these differ
    at = models.DateTimeField(_("发生时间"))  # the line's, or our money's
    payment = models.ForeignKey(
        Payment, verbose_name=_("支付"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: the reference is none of ours
    receipt = models.ForeignKey(
        Receipt, verbose_name=_("收款"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: not booked
    refund = models.ForeignKey(
        Refund, verbose_name=_("退款"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: not booked, or about a payment
    found_at = models.DateTimeField(_("发现时间"))
    ended_at = models.DateTimeField(_("了结时间"), null=True, blank=True)  # null: HELD or OPEN

    class Meta:
        verbose_name = _("对账差异")
        verbose_name_plural = pgettext_lazy("plural", "对账差异")
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict="LOCAL_ONLY", line__isnull=True, receipt__isnull=False)
                | (~Q(verdict__in=["LOCAL_ONLY", "MATCHED"]) & Q(line__isnull=False)),
                name="difference_has_its_side",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["HELD", "OPEN"], ended_at__isnull=True)
                | Q(state__in=["CLEARED", "CLOSED"], ended_at__isnull=False),
                name="difference_ended_has_time",
            ),
            models.UniqueConstraint(
                fields=["receipt"],
                condition=Q(verdict="LOCAL_ONLY", kind="PAYMENT", state__in=["HELD", "OPEN"]),
                name="difference_receipt_once",
            ),
            models.UniqueConstraint(
                fields=["refund"],
                condition=Q(verdict="LOCAL_ONLY", kind="REFUND", state__in=["HELD", "OPEN"]),
                name="difference_refund_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["gateway", "id"],
                name="difference_unsettled",
                condition=Q(state__in=["HELD", "OPEN"]),
            ),
            models.Index(fields=["trade_no"], name="difference_trade"),
        ]
        triggers = [
            NeverDelete(name="difference_never_deleted"),
            StartsAt(name="difference_starts", machine=DIFFERENCE_MACHINE, also=(_D.HELD,)),
            Transitions(name="difference_transitions", machine=DIFFERENCE_MACHINE),
            Fixed(
                name="difference_fixed",
                columns=(
                    "statement_id",
                    "line_id",
                    "kind",
                    "verdict",
                    "trade_no",
                    "channel_cents",
                    "hall_cents",
                    "at",
                    "found_at",
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.trade_no} {Verdict(self.verdict).label}"

    @property
    def is_unsettled(self) -> bool:
        return self.state in UNSETTLED


class DifferenceHistory(models.Model):
    """Each change of a difference's state."""

    difference = models.ForeignKey(
        StatementDifference, verbose_name=_("对账差异"), on_delete=models.PROTECT, related_name="history"
    )
    from_state = models.CharField(_("原状态"), max_length=10)
    to_state = models.CharField(_("新状态"), max_length=10)
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=300, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("差异状态记录")
        verbose_name_plural = _("差异状态记录")
        triggers = [AppendOnly(name="difference_history_append_only")]

    def __str__(self) -> str:
        return f"{self.difference_id} {self.to_state}"
