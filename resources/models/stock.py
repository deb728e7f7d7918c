"""How many pieces of what lie where: levels that the ledger of moves proves."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Region
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine
from resources.models.history import StateHistory


class StockItem(models.Model):
    """One kind of thing at one place. The levels are the sums of its moves, and never below zero."""

    sku = models.CharField(_("货号"), max_length=40)
    name = models.CharField(_("名称"), max_length=80)
    place = models.ForeignKey(
        Region, verbose_name=_("地点"), on_delete=models.PROTECT, related_name="+"
    )  # a hall, or the region whose store it is
    available = models.IntegerField(_("可用"), default=0)
    reserved = models.IntegerField(_("已预留"), default=0)  # lies there, for somebody
    in_transit = models.IntegerField(_("在途"), default=0)  # on its way to this place
    low_at = models.PositiveIntegerField(
        _("低库存线"), null=True, blank=True
    )  # alarm when no more than so many are available; null: none

    class Meta:
        verbose_name = _("库存")
        verbose_name_plural = pgettext_lazy("plural", "库存")
        constraints = [
            models.UniqueConstraint(fields=["sku", "place"], name="stock_item_once_a_place"),
            models.CheckConstraint(condition=Q(available__gte=0), name="stock_available_not_negative"),
            models.CheckConstraint(condition=Q(reserved__gte=0), name="stock_reserved_not_negative"),
            models.CheckConstraint(condition=Q(in_transit__gte=0), name="stock_in_transit_not_negative"),
        ]
        triggers = [
            NeverDelete(name="stock_item_never_deleted"),
            Fixed(name="stock_item_fixed", columns=("sku", "place_id")),
        ]

    def __str__(self) -> str:
        return f"{self.sku} @ {self.place_id}"

    @property
    def is_low(self) -> bool:
        return self.low_at is not None and self.available <= self.low_at


class ReservationState(models.TextChoices):
    HELD = "HELD", _("预留中")  # until it expires
    CONFIRMED = "CONFIRMED", _("已确认")  # for sure: paid, or promised
    CONSUMED = "CONSUMED", _("已出库")
    RELEASED = "RELEASED", _("已释放")
    EXPIRED = "EXPIRED", _("已过期")


_R = ReservationState
RESERVATION_MACHINE = Machine(
    name="reservation",
    initial=_R.HELD,
    transitions={
        _R.HELD: frozenset({_R.CONFIRMED, _R.CONSUMED, _R.RELEASED, _R.EXPIRED}),
        _R.CONFIRMED: frozenset({_R.CONSUMED, _R.RELEASED}),
        _R.CONSUMED: frozenset(),
        _R.RELEASED: frozenset(),
        _R.EXPIRED: frozenset(),
    },
)


class Reservation(models.Model):
    """Pieces put aside for somebody."""

    key = models.CharField(_("请求编号"), max_length=80, unique=True)  # asked for again: the same reservation
    item = models.ForeignKey(
        StockItem, verbose_name=_("库存"), on_delete=models.PROTECT, related_name="reservations"
    )
    quantity = models.PositiveIntegerField(_("数量"))
    holder = models.CharField(_("预留给"), max_length=80)  # opaque, e.g. "order:O2026…"
    state = models.CharField(
        _("状态"), max_length=10, choices=ReservationState.choices, default=ReservationState.HELD
    )
    created_at = models.DateTimeField(_("产生时间"))
    expires_at = models.DateTimeField(_("到期时间"))  # counts while HELD

    class Meta:
        verbose_name = _("库存预留")
        verbose_name_plural = pgettext_lazy("plural", "库存预留")
        constraints = [models.CheckConstraint(condition=Q(quantity__gt=0), name="reservation_of_something")]
        indexes = [
            models.Index(fields=["expires_at", "id"], name="reservation_due", condition=Q(state="HELD")),
            models.Index(fields=["holder"], name="reservation_holder"),
        ]
        triggers = [
            NeverDelete(name="reservation_never_deleted"),
            StartsAt(name="reservation_starts_held", machine=RESERVATION_MACHINE),
            Transitions(name="reservation_transitions", machine=RESERVATION_MACHINE),
            Fixed(name="reservation_fixed", columns=("key", "item_id", "quantity", "holder", "created_at")),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.holder}"


class ReservationHistory(StateHistory):
    reservation = models.ForeignKey(
        Reservation, verbose_name=_("库存预留"), on_delete=models.PROTECT, related_name="history"
    )

    class Meta:
        verbose_name = _("预留状态记录")
        verbose_name_plural = pgettext_lazy("plural", "预留状态记录")
        triggers = [AppendOnly(name="reservation_history_append_only")]


class TransferState(models.TextChoices):
    UNDER_WAY = "UNDER_WAY", _("在途")
    ARRIVED = "ARRIVED", _("已到货")
    CANCELLED = "CANCELLED", _("已退回")  # never left, or came back whole


_T = TransferState
TRANSFER_MACHINE = Machine(
    name="transfer",
    initial=_T.UNDER_WAY,
    transitions={
        _T.UNDER_WAY: frozenset({_T.ARRIVED, _T.CANCELLED}),
        _T.ARRIVED: frozenset(),
        _T.CANCELLED: frozenset(),
    },
)


class Transfer(models.Model):
    """Pieces on their way from one place to another."""

    key = models.CharField(_("请求编号"), max_length=80, unique=True)
    source = models.ForeignKey(
        StockItem, verbose_name=_("发出"), on_delete=models.PROTECT, related_name="transfers_out"
    )
    target = models.ForeignKey(
        StockItem, verbose_name=_("收入"), on_delete=models.PROTECT, related_name="transfers_in"
    )
    quantity = models.PositiveIntegerField(_("数量"))
    arrived_quantity = models.PositiveIntegerField(
        _("到货数量"), null=True, blank=True
    )  # null until it arrived; less than was sent: the rest is lost
    state = models.CharField(
        _("状态"), max_length=10, choices=TransferState.choices, default=TransferState.UNDER_WAY
    )
    sent_at = models.DateTimeField(_("发出时间"))

    class Meta:
        verbose_name = _("调拨")
        verbose_name_plural = pgettext_lazy("plural", "调拨")
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="transfer_of_something"),
            models.CheckConstraint(condition=~Q(source=F("target")), name="transfer_between_places"),
            models.CheckConstraint(
                condition=Q(arrived_quantity__isnull=True)
                | Q(state="ARRIVED", arrived_quantity__lte=F("quantity")),
                name="transfer_no_more_than_was_sent",
            ),
        ]
        triggers = [
            NeverDelete(name="transfer_never_deleted"),
            StartsAt(name="transfer_starts_under_way", machine=TRANSFER_MACHINE),
            Transitions(name="transfer_transitions", machine=TRANSFER_MACHINE),
            Fixed(name="transfer_fixed", columns=("key", "source_id", "target_id", "quantity", "sent_at")),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.source_id} → {self.target_id}"


class TransferHistory(StateHistory):
    transfer = models.ForeignKey(
        Transfer, verbose_name=_("调拨"), on_delete=models.PROTECT, related_name="history"
    )

    class Meta:
        verbose_name = _("调拨状态记录")
        verbose_name_plural = pgettext_lazy("plural", "调拨状态记录")
        triggers = [AppendOnly(name="transfer_history_append_only")]


class MoveKind(models.TextChoices):
    RECEIVED = "RECEIVED", _("入库")
    COUNTED = "COUNTED", _("盘点调整")
    RESERVED = "RESERVED", _("预留")
    RELEASED = "RELEASED", _("释放预留")
    CONSUMED = "CONSUMED", _("出库")
    SENT = "SENT", _("调拨发出")
    EXPECTED = "EXPECTED", _("调拨在途")
    ARRIVED = "ARRIVED", _("调拨到货")
    CALLED_BACK = "CALLED_BACK", _("调拨退回")


class StockMove(models.Model):
    """One entry of the ledger: by how much each level changed. A mistake gets another entry."""

    item = models.ForeignKey(
        StockItem, verbose_name=_("库存"), on_delete=models.PROTECT, related_name="moves"
    )
    kind = models.CharField(_("类型"), max_length=12, choices=MoveKind.choices)
    available = models.IntegerField(_("可用变化"), default=0)
    reserved = models.IntegerField(_("预留变化"), default=0)
    in_transit = models.IntegerField(_("在途变化"), default=0)
    reservation = models.ForeignKey(
        Reservation,
        verbose_name=_("预留"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="moves",
    )  # null: not about one
    transfer = models.ForeignKey(
        Transfer,
        verbose_name=_("调拨"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="moves",
    )  # null: not about one
    key = models.CharField(
        _("请求编号"),
        max_length=80,
        null=True,
        blank=True,
        unique=True,
    )
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=300, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("库存流水")
        verbose_name_plural = pgettext_lazy("plural", "库存流水")
        constraints = [
            models.CheckConstraint(
                condition=~Q(available=0, reserved=0, in_transit=0), name="stock_move_of_something"
            )
        ]
        indexes = [models.Index(fields=["item", "id"], name="stock_move_item")]
        triggers = [AppendOnly(name="stock_move_append_only")]

    def __str__(self) -> str:
        return f"{self.item_id} {self.kind}"


class LowStock(models.Model):
    """An alarm: from when to when fewer pieces were available than the place wants."""

    item = models.ForeignKey(
        StockItem, verbose_name=_("库存"), on_delete=models.PROTECT, related_name="alarms"
    )
    available = models.IntegerField(_("告警时可用"))
    raised_at = models.DateTimeField(_("告警时间"))
    ended_at = models.DateTimeField(_("恢复时间"), null=True, blank=True)  # null: still so

    class Meta:
        verbose_name = _("低库存告警")
        verbose_name_plural = pgettext_lazy("plural", "低库存告警")
        constraints = [
            models.UniqueConstraint(
                fields=["item"], condition=Q(ended_at__isnull=True), name="low_stock_open_once"
            )
        ]
        triggers = [
            NeverDelete(name="low_stock_never_deleted"),
            Fixed(name="low_stock_fixed", columns=("item_id", "available", "raised_at")),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} {self.raised_at}"
