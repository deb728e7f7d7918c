"""Why something is not ordered, changed or ended. Each has a code; nothing was changed."""

from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, HallError


class NotOnSale(Conflict):
    code = "ORDER_NOT_ON_SALE"
    message = _("“%(offer)s”现在不在售，不能办理")


class NotForRegion(Conflict):
    code = "ORDER_NOT_FOR_REGION"
    message = _("“%(offer)s”在您所在的地区不提供")


class NotForKind(Conflict):
    code = "ORDER_NOT_FOR_KIND"
    message = _("“%(offer)s”不面向这类客户")


class NotForTier(Conflict):
    code = "ORDER_NOT_FOR_TIER"
    message = _("“%(offer)s”只面向更高等级的客户")


class NotForSegment(Conflict):
    code = "ORDER_NOT_FOR_SEGMENT"
    message = _("“%(offer)s”只面向特定客户")


class Needs(Conflict):
    code = "ORDER_NEEDS"
    message = _("办理“%(offer)s”须先有：%(others)s")


class MustBuy(Conflict):
    code = "ORDER_MUST_BUY"
    message = _("“%(offer)s”须与下列产品同时订购：%(others)s。请勾选后再提交")


class NeededBy(Conflict):
    code = "ORDER_NEEDED_BY"
    message = _("“%(others)s”须与“%(offer)s”同时使用，请先退订它")


class Excludes(Conflict):
    code = "ORDER_EXCLUDES"
    message = _("“%(offer)s”不能与“%(others)s”同时使用")


class SameGroup(Conflict):
    code = "ORDER_SAME_GROUP"
    message = _("您已有同类的“%(others)s”，请办理变更，不要重复订购“%(offer)s”")


class TooMany(Conflict):
    code = "ORDER_TOO_MANY"
    message = _("“%(offer)s”已达到可办理的数量")


class NoPrice(Conflict):
    code = "ORDER_NO_PRICE"
    message = _("“%(offer)s”在您所在的地区没有价格，不能办理")


class NotHeld(Conflict):
    code = "ORDER_NOT_HELD"
    message = _("这项业务已经结束，或不在这个户号名下")


class AlreadyEnds(Conflict):
    code = "ORDER_ALREADY_ENDS"
    message = _("这项业务已经申请退订或变更，不用再办")


class SameOffer(Conflict):
    code = "ORDER_SAME_OFFER"
    message = _("已经是“%(offer)s”，不用变更")


class NotAChange(Conflict):
    code = "ORDER_NOT_A_CHANGE"
    message = _("“%(offer)s”与现在的业务不是同一类，不能直接变更")


class FamilyTooSmall(Conflict):
    code = "ORDER_FAMILY_TOO_SMALL"
    message = _("“%(offer)s”最多 %(most)s 位成员，现在有 %(members)s 位，请先移除成员或另选产品")


class NotOnline(Conflict):
    code = "ORDER_NOT_ONLINE"
    message = _("“%(offer)s”需要配送或上门，暂不能在网上订购。请到营业厅办理，地址见“营业厅”页面")


class Overdue(Conflict):
    code = "ORDER_BILLS_OVERDUE"
    message = _("户号 %(account)s 有逾期未缴的账单，请先缴清再办理")


class Suspended(Conflict):
    code = "ORDER_SUSPENDED"
    message = _("户号 %(account)s 有业务处于“%(reason)s”，请先恢复使用再办理")


class UnderWay(Conflict):
    code = "ORDER_UNDER_WAY"
    message = _("这项业务正由订单 %(number)s 办理，请等它结束")


class AlreadyOn(Conflict):
    code = "VAS_ALREADY_ON"
    message = _("“%(offer)s”已经开通，不用再开")


class AlreadyOff(Conflict):
    code = "VAS_ALREADY_OFF"
    message = _("“%(offer)s”没有开通，不用关闭")


class RefundNeedsClerk(Conflict):
    code = "ORDER_REFUND_NEEDS_CLERK"
    message = _("这项业务的预付款须由工作人员核退，请到营业厅或致电客服办理")


class NotWaiting(Conflict):
    code = "ORDER_NOT_WAITING"
    message = _("订单 %(number)s 已经开始开通或已经结束，不能取消")


class OutOfStock(Conflict):
    code = "ORDER_OUT_OF_STOCK"
    message = _("“%(offer)s”在您所在的地区暂时缺货，请过几天再来，或另选产品")


class NumberMissing(Conflict):
    code = "ORDER_NUMBER_MISSING"
    message = _("办理“%(offer)s”要先选一个号码，请选号后在保留时间内办理")


class OneNumber(Conflict):
    code = "ORDER_ONE_NUMBER"
    message = _("一次只能办理一张号卡，请分开订购")


class NothingToHandOver(Conflict):
    code = "ORDER_NOTHING_TO_HAND_OVER"
    message = _("订单 %(number)s 的这一项没有要交给客户的设备，或业务已经结束")


class NothingToRetry(Conflict):
    code = "ORDER_NOTHING_TO_RETRY"
    message = _("订单 %(number)s 没有需要重新开通的部分")


BY_PROBLEM: dict[str, type[HallError]] = {
    "NOT_ON_SALE": NotOnSale,
    "NOT_FOR_REGION": NotForRegion,
    "NOT_FOR_KIND": NotForKind,
    "NOT_FOR_TIER": NotForTier,
    "NOT_FOR_SEGMENT": NotForSegment,
    "NEEDS": Needs,
    "MUST_BUY": MustBuy,
    "NEEDED_BY": NeededBy,
    "EXCLUDES": Excludes,
    "GROUP": SameGroup,
    "MOST_PER_ACCOUNT": TooMany,
    "NO_OFFER": NotOnSale,
    "NO_PRICE": NoPrice,
    "NOT_HELD": NotHeld,
    "ALREADY_ENDS": AlreadyEnds,
    "CONTRADICTION": SameOffer,
}
