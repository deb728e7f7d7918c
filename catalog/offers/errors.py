"""Why something is not published, withdrawn or priced. Each has a code; nothing was changed."""

from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, HallError

EVERYWHERE = _("全部地区")


class NoOwner(HallError):
    code = "OFFER_WITHOUT_OWNER"
    message = _("没有责任人的产品或优惠不能发布")


class NoConditions(HallError):
    code = "OFFER_WITHOUT_CONDITIONS"
    message = _("没有写明资费说明与限制条件，不能发布")


class NoFlow(HallError):
    code = "OFFER_WITHOUT_FLOW"
    message = _("产品类型“%(type)s”还没有定受理流程，不能发布")


class NoPrice(HallError):
    code = "OFFER_WITHOUT_PRICE"
    message = _("“%(charge)s”在%(region)s（%(kind)s）从 %(day)s 起没有价格")


class TierWithoutName(HallError):
    code = "TIER_WITHOUT_NAME"
    message = _("等级“%(tier)s”还没有写给客户看的名称，不能发布")


class AlreadyPublished(Conflict):
    code = "ALREADY_PUBLISHED"
    message = _("已经发布，不能再次发布")


class NotPublished(Conflict):
    code = "NOT_PUBLISHED"
    message = _("还没有发布")


class AlreadyLive(Conflict):
    code = "ALREADY_LIVE"
    message = _("已经对外显示，只能下架，不能退回草稿")


class PublishedTooEarly(HallError):
    code = "PUBLISH_IN_THE_PAST"
    message = _("发布时间不能早于现在")


class AlreadyOver(HallError):
    code = "OFFER_OVER"
    message = _("下架日或失效日不晚于发布日，请先改日期")


class TooSoon(HallError):
    code = "ENDS_TOO_SOON"
    message = _("最早从明天起下架或失效")


class AlreadyEnded(Conflict):
    code = "ALREADY_ENDED"
    message = _("已经下架或失效")


class PartnerNotPublished(HallError):
    code = "PARTNER_NOT_PUBLISHED"
    message = _("依赖或必须同购的“%(offer)s”还没有发布")


class BadAmounts(HallError):
    code = "BAD_PRICE_AMOUNTS"
    message = _("价格至少有一档，每档不小于零")


class NotPerTerminal(HallError):
    code = "NOT_PER_TERMINAL"
    message = _("这类产品不按终端计费，只能有一档价格")


class PriceTooEarly(HallError):
    code = "PRICE_IN_THE_PAST"
    message = _("已发布产品的新价格最早从明天起生效")


class PricePromised(Conflict):
    code = "PRICE_PROMISED"
    message = _("给客户的报价在 %(days)s 天内有效：变贵的价格或提前结束的优惠最早从 %(day)s 起")


class PriceAhead(Conflict):
    code = "PRICE_AHEAD"
    message = _("已有从 %(day)s 起生效的价格，请先撤回它")


class PriceHasBegun(Conflict):
    code = "PRICE_HAS_BEGUN"
    message = _("已经生效的价格不能撤回，请写新的价格")


class AlreadyTakenBack(Conflict):
    code = "PRICE_TAKEN_BACK"
    message = _("这个价格已经撤回")


class RuleWithoutOffers(HallError):
    code = "RULE_WITHOUT_OFFERS"
    message = _("没有写明适用的产品或产品类型，不能发布")


class RuleTooEarly(HallError):
    code = "RULE_IN_THE_PAST"
    message = _("优惠规则的生效日不能早于发布日")


class NoAccount(HallError):
    code = "EXCEPTION_WITHOUT_ACCOUNT"
    message = _("没有这个户号，或已销户")


class BadPeriod(HallError):
    code = "EXCEPTION_PERIOD"
    message = _("价格例外须有期限，且结束晚于开始、晚于今天")


class ExceptionOverlaps(Conflict):
    code = "EXCEPTION_OVERLAPS"
    message = _("这个户号在这段时间已有这项产品的价格例外")


class ExceptionIncomplete(Conflict):
    code = "EXCEPTION_INCOMPLETE"
    message = _("申请的内容不全，请驳回后重新提出")


class PauseAboveFee(HallError):
    code = "PAUSE_ABOVE_FEE"
    message = _("停机保号费用在%(region)s（%(kind)s）从 %(day)s 起高于周期费用")
