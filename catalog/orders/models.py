"""Orders: what a customer asked to have, to change or to be rid of, from submission to completion."""

from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import BillingAccount
from billing.models import Bill
from catalog.choices import Flow
from catalog.holdings.models import Subscription
from catalog.offers.models import Offer
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine
from operations.models import Channel


class OrderState(models.TextChoices):
    SUBMITTED = "SUBMITTED", _("已提交")
    ACCEPTED = "ACCEPTED", _("待付款")  # accepted, its bill not paid yet
    IN_PROGRESS = "IN_PROGRESS", _("开通中")
    COMPLETED = "COMPLETED", _("已完成")
    PARTIAL = "PARTIAL", _("部分完成")
    FAILED = "FAILED", _("未完成")
    CANCELLED = "CANCELLED", _("已取消")


_O = OrderState
ORDER_MACHINE = Machine(
    name="order",
    initial=_O.SUBMITTED,
    transitions={
        _O.SUBMITTED: frozenset({_O.ACCEPTED, _O.IN_PROGRESS, _O.COMPLETED, _O.FAILED, _O.CANCELLED}),
        _O.ACCEPTED: frozenset({_O.IN_PROGRESS, _O.COMPLETED, _O.FAILED, _O.CANCELLED}),
        _O.IN_PROGRESS: frozenset({_O.COMPLETED, _O.PARTIAL, _O.FAILED}),
        _O.COMPLETED: frozenset(),
        _O.PARTIAL: frozenset(),
        _O.FAILED: frozenset(),
        _O.CANCELLED: frozenset(),
    },
)


class OrderQuerySet(models.QuerySet["Order"]):
    def for_user(self, user: Any) -> Self:
        """Those of the accounts that this user is a member of."""
        if not getattr(user, "is_authenticated", False):
            return self.none()
        return self.filter(account__memberships__user_id=user.pk)


class Order(models.Model):
    """One submitted order. What it promised stands on its slip; its lines say what becomes of each part."""

    number = models.CharField(_("订单号"), max_length=32, unique=True)
    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="orders"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("下单人"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="orders",
    )  # the customer, also where staff ordered for him; null: no login
    slip_number = models.CharField(_("受理编号"), max_length=32, unique=True)
    channel = models.CharField(_("渠道"), max_length=10, choices=Channel.choices)
    flow = models.CharField(_("受理流程"), max_length=12, choices=Flow.choices)
    state = models.CharField(_("状态"), max_length=12, choices=_O.choices, default=_O.SUBMITTED)
    bill = models.OneToOneField(
        Bill, verbose_name=_("账单"), on_delete=models.PROTECT, null=True, blank=True, related_name="order"
    )  # null: costs nothing at once
    due_at = models.DateTimeField(
        _("付款期限"), null=True, blank=True
    )  # null: nothing to pay before it is carried out
    promised_at = models.DateTimeField(_("承诺完成时间"))  # after it a step counts as stuck
    submitted_at = models.DateTimeField(_("提交时间"))
    state_since = models.DateTimeField(_("进入当前状态时间"))
    finished_at = models.DateTimeField(_("结束时间"), null=True, blank=True)  # null: under way

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("订单")
        verbose_name_plural = pgettext_lazy("plural", "订单")
        permissions = [("cancel_order", _("取消订单")), ("retry_order", _("重新开通订单"))]
        indexes = [
            models.Index(fields=["account", "-submitted_at"], name="order_of_account"),
            models.Index(
                fields=["state", "state_since"], name="order_under_way", condition=Q(finished_at__isnull=True)
            ),
        ]
        triggers = [
            NeverDelete(name="order_never_deleted"),
            StartsAt(name="order_starts_submitted", machine=ORDER_MACHINE),
            Transitions(name="order_transitions", machine=ORDER_MACHINE),
            Fixed(
                name="order_fixed", columns=("number", "account_id", "slip_number", "channel", "submitted_at")
            ),
        ]

    def __str__(self) -> str:
        return self.number


class OrderHistory(models.Model):
    """Each change of an order's state: its timeline."""

    order = models.ForeignKey(Order, verbose_name=_("订单"), on_delete=models.PROTECT, related_name="history")
    from_state = models.CharField(_("原状态"), max_length=12, blank=True)
    to_state = models.CharField(_("新状态"), max_length=12)
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=200, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("订单状态记录")
        verbose_name_plural = _("订单状态记录")
        triggers = [AppendOnly(name="order_history_append_only")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.to_state}"


class LineAction(models.TextChoices):
    ADD = "ADD", _("订购")
    CHANGE = "CHANGE", _("变更")
    CANCEL = "CANCEL", _("退订")


class LineState(models.TextChoices):
    WAITING = "WAITING", _("等待")
    WORKING = "WORKING", _("开通中")
    DONE = "DONE", _("已完成")
    FAILED = "FAILED", _("未完成")
    CANCELLED = "CANCELLED", _("已取消")


_L = LineState
ORDER_LINE_MACHINE = Machine(
    name="order_line",
    initial=_L.WAITING,
    transitions={
        _L.WAITING: frozenset({_L.WORKING, _L.DONE, _L.FAILED, _L.CANCELLED}),
        _L.WORKING: frozenset({_L.DONE, _L.FAILED}),
        _L.DONE: frozenset(),
        _L.FAILED: frozenset(),
        _L.CANCELLED: frozenset(),
    },
)


class OrderLine(models.Model):
    """One part of an order: an offer to add, to change to, or to end."""

    order = models.ForeignKey(Order, verbose_name=_("订单"), on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField(_("序号"))
    action = models.CharField(_("动作"), max_length=6, choices=LineAction.choices)
    offer = models.ForeignKey(Offer, verbose_name=_("产品"), on_delete=models.PROTECT, related_name="+")
    subscription = models.ForeignKey(
        Subscription,
        verbose_name=_("订购关系"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="order_lines",
    )  # what came of it, or what is ended; null: a one-off
    replaces = models.ForeignKey(
        Subscription,
        verbose_name=_("被替换"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # CHANGE: what ends; null otherwise
    address = models.CharField(_("装机地址"), max_length=300, blank=True, default="")  # empty: the account's
    service_number = models.CharField(
        _("号码"), max_length=20, blank=True, default=""
    )  # the number that goes with it; empty: none
    goods = ArrayField(
        models.CharField(max_length=40), verbose_name=_("随附物料"), default=list, blank=True
    )  # skus of the stock, one piece of each; empty: nothing is handed over
    amount_cents = models.BigIntegerField(_("一次性金额"), default=0)  # its share of the order's bill
    back_cents = models.BigIntegerField(
        _("退还金额"), default=0
    )  # CHANGE: given back for what it ends as soon as it is on
    effective_on = models.DateField(_("生效日"))
    state = models.CharField(_("状态"), max_length=10, choices=_L.choices, default=_L.WAITING)
    error = models.CharField(_("失败代码"), max_length=60, blank=True, default="")  # empty: no failure

    class Meta:
        verbose_name = _("订单明细")
        verbose_name_plural = pgettext_lazy("plural", "订单明细")
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="order_line_position"),
            models.CheckConstraint(condition=Q(amount_cents__gte=0), name="order_line_not_negative"),
            models.CheckConstraint(
                condition=~Q(replaces=F("subscription")) | Q(replaces__isnull=True),
                name="order_line_replaces_another",
            ),
        ]
        triggers = [
            NeverDelete(name="order_line_never_deleted"),
            StartsAt(name="order_line_starts_waiting", machine=ORDER_LINE_MACHINE),
            Transitions(name="order_line_transitions", machine=ORDER_LINE_MACHINE),
            Fixed(
                name="order_line_fixed",
                columns=(
                    "order_id",
                    "position",
                    "action",
                    "offer_id",
                    "address",
                    "service_number",
                    "goods",
                    "amount_cents",
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.position}"
