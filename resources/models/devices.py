"""Things with a serial number that customers have at home: cards, boxes, modems."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import BillingAccount, Region
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine
from resources.models.history import StateHistory


class DeviceKind(models.TextChoices):
    CARD = "CARD", _("智能卡")
    BOX = "BOX", _("机顶盒")
    MODEM = "MODEM", _("光猫")


class DeviceState(models.TextChoices):
    IN_STOCK = "IN_STOCK", _("在库")
    RESERVED = "RESERVED", _("已预留")  # for an account, not handed over
    IN_USE = "IN_USE", _("使用中")
    RETURNED = "RETURNED", _("已收回")  # came back, not yet looked at
    REPAIR = "REPAIR", _("维修中")
    DAMAGED = "DAMAGED", _("已损坏")
    LOST = "LOST", _("已丢失")


_D = DeviceState
WITH_ACCOUNT = (_D.RESERVED, _D.IN_USE)
DEVICE_MACHINE = Machine(
    name="device",
    initial=_D.IN_STOCK,
    transitions={
        _D.IN_STOCK: frozenset({_D.RESERVED, _D.IN_USE, _D.REPAIR, _D.DAMAGED, _D.LOST}),
        _D.RESERVED: frozenset({_D.IN_STOCK, _D.IN_USE, _D.DAMAGED, _D.LOST}),
        _D.IN_USE: frozenset({_D.RETURNED, _D.DAMAGED, _D.LOST}),
        _D.RETURNED: frozenset({_D.IN_STOCK, _D.REPAIR, _D.DAMAGED, _D.LOST}),
        _D.REPAIR: frozenset({_D.IN_STOCK, _D.DAMAGED, _D.LOST}),
        _D.DAMAGED: frozenset({_D.REPAIR}),
        _D.LOST: frozenset({_D.RETURNED}),  # found again
    },
)


class Device(models.Model):
    """One thing. Its row is its own lock."""

    serial = models.CharField(_("序列号"), max_length=40, unique=True)
    kind = models.CharField(_("种类"), max_length=6, choices=DeviceKind.choices)
    sku = models.CharField(_("货号"), max_length=40, blank=True, default="")  # of the stock; empty: not known
    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, related_name="+"
    )  # where it lies, or belongs to
    state = models.CharField(
        _("状态"), max_length=10, choices=DeviceState.choices, default=DeviceState.IN_STOCK
    )
    account = models.ForeignKey(
        BillingAccount,
        verbose_name=_("户号"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="devices",
    )  # null: with nobody
    created_at = models.DateTimeField(_("建档时间"))

    class Meta:
        verbose_name = _("设备")
        verbose_name_plural = pgettext_lazy("plural", "设备")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=WITH_ACCOUNT, account__isnull=False)
                | Q(~Q(state__in=WITH_ACCOUNT), account__isnull=True),
                name="device_with_somebody_when_used",
            )
        ]
        triggers = [
            NeverDelete(name="device_never_deleted"),
            StartsAt(name="device_starts_in_stock", machine=DEVICE_MACHINE),
            Transitions(name="device_transitions", machine=DEVICE_MACHINE),
            Fixed(name="device_fixed", columns=("serial", "kind", "created_at")),
        ]

    def __str__(self) -> str:
        return self.serial


class DeviceHistory(StateHistory):
    """With whom it was then, too."""

    device = models.ForeignKey(
        Device, verbose_name=_("设备"), on_delete=models.PROTECT, related_name="history"
    )
    account = models.ForeignKey(
        BillingAccount,
        verbose_name=_("户号"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # whom the change was about; null: nobody

    class Meta:
        verbose_name = _("设备记录")
        verbose_name_plural = pgettext_lazy("plural", "设备记录")
        triggers = [AppendOnly(name="device_history_append_only")]
