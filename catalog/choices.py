"""The words that offers, prices, holdings and orders share."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Flow(models.TextChoices):
    """How an order for a type of product is carried out (受理流程)."""

    DIRECT = "DIRECT", _("直接办理")
    DELIVERY = "DELIVERY", _("预办理加配送")
    APPOINTMENT = "APPOINTMENT", _("预约登记")


class Cycle(models.TextChoices):
    """When an offer's fee is due."""

    MONTHLY = "MONTHLY", _("按月")
    TERM = "TERM", _("按期预付")  # for the whole term, with the order; `term_months` says how long it is
    ONCE = "ONCE", _("一次性")


class Charge(models.TextChoices):
    """What a price is for."""

    PERIOD = "PERIOD", _("周期费用")  # per month, or per term where the cycle is TERM
    ONCE = "ONCE", _("一次性费用")  # with the order
    PAUSE = "PAUSE", _("停机保号费用")  # per month instead of the fee, while paused and the offer says FEE


class AfterLast(models.TextChoices):
    """What the terminals beyond the last named amount cost."""

    LAST = "LAST", _("沿用最后一档")
    AGAIN = "AGAIN", _("重新起算")


class Effect(models.TextChoices):
    """When a change or a cancellation that a customer asks for takes effect."""

    AT_ONCE = "AT_ONCE", _("当日生效")
    MONTH_END = "MONTH_END", _("次月生效")


class WhileOff(models.TextChoices):
    """What is charged on days on which a holding is suspended."""

    FULL = "FULL", _("照常计费")
    NONE = "NONE", _("不计费")
    FEE = "FEE", _("按停机保号费用计费")
    FIRST_30_DAYS = "FIRST_30_DAYS", _("前 30 天照常计费")


class PenaltyKind(models.TextChoices):
    """What ending before the agreed term costs."""

    NONE = "NONE", _("无")
    PERCENT = "PERCENT", _("剩余月份费用的百分比")
    PER_MONTH = "PER_MONTH", _("每剩余一个月的金额")
    FIXED = "FIXED", _("固定金额")


class SuspensionReason(models.TextChoices):
    ARREARS = "ARREARS", _("欠费停机")
    CUSTOMER = "CUSTOMER", _("停机保号")
    FRAUD_CHECK = "FRAUD_CHECK", _("涉诈核验")
    STAFF = "STAFF", _("管理停机")
