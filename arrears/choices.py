"""The words of the room that rules, models and pages share."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Stage(models.TextChoices):
    NONE = "NONE", _("正常")
    REMINDED = "REMINDED", _("已提醒")
    OVERDUE = "OVERDUE", _("已逾期")
    SUSPEND_WARNED = "SUSPEND_WARNED", _("停机预警")
    SUSPENDED = "SUSPENDED", _("欠费停机")
    DISCONNECT_WARNED = "DISCONNECT_WARNED", _("拆机预警")
    DISCONNECTED = "DISCONNECTED", _("已拆机")


class Proof(models.TextChoices):
    SENT = "SENT", _("已提交运营商")
    DELIVERED = "DELIVERED", _("已送达")


class CloseReason(models.TextChoices):
    PAID = "PAID", _("已缴清")
    BELOW_MINIMUM = "BELOW_MINIMUM", _("低于起算金额")
    ADJUSTED = "ADJUSTED", _("已减免或撤销")
    WRITTEN_OFF = "WRITTEN_OFF", _("已核销")
    DISPUTED = "DISPUTED", _("其余账单有异议，正在核查")  # what is left to pay is disputed: it does not count


class Hold(models.TextChoices):
    """What stops every step upwards from OVERDUE on."""

    DISPUTE = "DISPUTE", _("账单异议正在核查")
    PROMISE = "PROMISE", _("已申请延期缴费")
    EXEMPTION = "EXEMPTION", _("欠费豁免")
    IN_FLIGHT = "IN_FLIGHT", _("有一笔支付正在确认")


class PartPayment(models.TextChoices):
    """What becomes of a case whose oldest bill was paid, but not all that is due."""

    ANCHOR_MOVES = "ANCHOR_MOVES", _("按下一张未缴账单重新计算")
    STAGE_STAYS = "STAGE_STAYS", _("逾期账单全部缴清以前阶段不变")


class Wait(models.TextChoices):
    """What must happen before the next stage."""

    DAY = "DAY", _("到期")
    HOLD = "HOLD", _("暂缓结束")
    NOTICE = "NOTICE", _("每个联系方式都已通知")
    PROOF = "PROOF", _("每个联系方式的通知都有证明并满足提前天数")
    NOBODY = "NOBODY", _("没有可通知的联系方式或地址，须人工处理")
    APPROVAL = "APPROVAL", _("两人批准拆机")
