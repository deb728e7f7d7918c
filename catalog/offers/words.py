"""Terms of offers in sentences that customers read; the figures are those that the pricing function works with."""

from collections.abc import Iterable, Mapping

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Customer
from catalog.choices import Cycle, PenaltyKind, WhileOff
from catalog.offers.models import Offer
from catalog.pricing.relations import Reason
from core.money import display

Tiers = Mapping[str, tuple[str, str]]  # names of tiers by code, Chinese and English


def is_chinese() -> bool:
    return (translation.get_language() or "").startswith("zh")


def chosen(chinese: str, english: str) -> str:
    """In the reader's language; Chinese where there is no English."""
    return chinese if is_chinese() or not english else english


def tier(code: str, names: Tiers) -> str:
    """How a tier is called; never by its code."""
    return chosen(*names[code]) if code in names else _("指定等级")


def tiers(codes: Iterable[str], names: Tiers) -> str:
    return _("、").join(dict.fromkeys(tier(code, names) for code in codes))


def reason(each: Reason, offer: Offer, names: Tiers) -> str:
    """Why the offer is, or is not, for somebody. `names`: of tiers."""
    value = _value(each, offer, names)
    sentences = {
        "FOR_REGION": _("为您所在的%(value)s准备"),
        "FOR_KIND": _("%(value)s客户可办"),
        "FOR_TIER": _("您的%(value)s等级可办"),
        "FOR_SEGMENT": "%(value)s",
        "NOT_FOR_REGION": _("仅限%(value)s"),
        "NOT_FOR_KIND": _("仅限%(value)s客户"),
        "NOT_FOR_TIER": _("须达到%(value)s等级"),
        "NOT_FOR_SEGMENT": _("仅限“%(value)s”"),
    }
    return sentences[each.code] % {"value": value}


def _value(each: Reason, offer: Offer, names: Tiers) -> str:
    if each.code == "FOR_REGION":
        return next((row.name for row in offer.regions.all() if row.code == each.value), each.value)
    if each.code == "NOT_FOR_REGION":
        return _("、").join(row.name for row in offer.regions.all())
    if each.code.endswith("KIND"):
        return _kinds([each.value] if each.code.startswith("FOR") else offer.customer_kinds)
    if each.code == "FOR_TIER":
        return tier(each.value, names)
    if each.code == "NOT_FOR_TIER":
        return tiers(offer.tiers, names)
    if each.code.endswith("SEGMENT"):
        return _segment(each, offer)
    return each.value


def _kinds(codes: list[str]) -> str:
    return _("、").join(str(Customer.Kind(code).label) for code in codes)


def _segment(each: Reason, offer: Offer) -> str:
    known = {row.code: row for row in offer.segments.all()}
    if each.code == "FOR_SEGMENT":
        row = known[each.value]
        return chosen(row.reason, row.reason_en)
    return _("、").join(chosen(row.name, row.name_en) for row in known.values())


def unit(offer: Offer) -> str:
    """What the period's fee is per."""
    if offer.cycle == Cycle.TERM:
        months = offer.term_months
        return ngettext("每 %(count)s 个月", "每 %(count)s 个月", months) % {"count": months}
    return _("每月")


def term(offer: Offer) -> str:
    """How long it binds."""
    if offer.cycle == Cycle.ONCE:
        return _("一次购买")
    if not offer.term_months:
        return _("没有合约期，随时可退")
    months = offer.term_months
    text = ngettext("合约期 %(count)s 个月", "合约期 %(count)s 个月", months) % {"count": months}
    if offer.cycle == Cycle.TERM:
        text += _("；到期自动续订，续订前提醒") if offer.is_renewed else _("；到期自动终止")
    return text


def penalty(offer: Offer) -> str:
    """What ending early costs; "" where nothing does."""
    sentences = {
        PenaltyKind.NONE: "",
        PenaltyKind.PERCENT: _("提前终止按剩余月份费用的 %(percent)s%% 收取违约金"),
        PenaltyKind.PER_MONTH: _("提前终止每剩余一个月收取 %(amount)s 违约金"),
        PenaltyKind.FIXED: _("提前终止收取 %(amount)s 违约金"),
    }
    given = {"percent": offer.penalty_percent, "amount": display(offer.penalty_cents)}
    sentence = sentences[PenaltyKind(offer.penalty_kind)]
    return sentence % given if sentence else ""


def begins(offer: Offer) -> str:
    """From when the fee is counted, and how parts of a month are."""
    if offer.cycle == Cycle.ONCE:
        return _("办理时一次收取")
    if offer.cycle == Cycle.TERM:
        return _("办理时预付一期，从开通当天起算")
    return _("从开通当天起按天计费，不足一个月的按实际天数折算，次月出账")


def ends(offer: Offer) -> str:
    """When a cancellation takes effect, and whether it can be returned."""
    at_once = offer.cancel_effect == "AT_ONCE"
    text = _("退订当日生效") if at_once else _("退订后用到当月月底，次月起不再收费")
    if not offer.gives_back_rest:
        text += _("；预付而未用的部分不退还")
    elif at_once and offer.cycle == Cycle.TERM:
        text += _("；预付而未用的部分按天退还")
    if offer.return_days:
        days = offer.return_days
        text += ngettext(
            "；开通 %(days)s 天内可以退货，不收费用", "；开通 %(days)s 天内可以退货，不收费用", days
        ) % {"days": days}
    return text


def while_off(offer: Offer) -> list[str]:
    """What is charged while it is off, for each reason."""
    if offer.cycle == Cycle.ONCE:
        return []
    pairs = (
        (_("停机保号期间"), offer.while_paused),
        (_("欠费停机期间"), offer.while_in_arrears),
        (_("核验或管理停机期间"), offer.while_checked),
    )
    colon = _("：")
    return [f"{title}{colon}{WhileOff(value).label}" for title, value in pairs]


def terminals(amounts: tuple[int, ...], starts_over: bool) -> str:
    """What the further terminals cost, one after another."""
    if len(amounts) < 2:
        return ""
    parts = [
        _("第 %(n)s 台 %(amount)s") % {"n": n, "amount": display(cents)}
        for n, cents in enumerate(amounts[1:], start=2)
    ]
    rest = _("再多的从头按第 1 台起算") if starts_over else _("再多的同第 %(n)s 台") % {"n": len(amounts)}
    return _("，").join([*parts, rest])


def difference(cents: int) -> str:
    """+¥5.00, -¥5.00, or that nothing changes."""
    if not cents:
        return _("不变")
    return f"+{display(cents)}" if cents > 0 else display(cents)
