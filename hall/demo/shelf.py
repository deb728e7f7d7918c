"""What the demo sells: basic service for several sets, channel packs, broadband, a bundle, a box, and discounts."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from accounts.models import Region, Segment, User
from catalog.choices import AfterLast, Charge, Cycle, Effect, Flow, PenaltyKind, WhileOff
from catalog.models import (
    Offer,
    OfferRelation,
    PriceRule,
    ProductSpecification,
    ProductType,
    SpecificationFeature,
    Tier,
)
from catalog.offers.services import prices, publishing
from core import clock

SOLD_SINCE = timedelta(days=700)
_K = OfferRelation.Kind

# code, names, flow, whether the n-th terminal has a price of its own
TYPES = (
    ("basic", "基本收视", "Basic TV", Flow.DIRECT, True),
    ("pack", "频道包", "Channel packs", Flow.DIRECT, False),
    ("value_added", "增值服务", "Extras", Flow.DIRECT, False),
    ("broadband", "宽带", "Broadband", Flow.DIRECT, False),
    ("bundle", "融合套餐", "Bundles", Flow.DIRECT, False),
    ("device", "终端设备", "Devices", Flow.DELIVERY, False),
    ("contract", "终端合约", "Devices with a contract", Flow.DIRECT, False),
    ("number", "号卡", "Number cards", Flow.DIRECT, False),
)


@dataclass(frozen=True)
class Item:
    """An offer and the product that it holds; amounts in fen. `more` are columns of the offer."""

    code: str
    type: str
    names: tuple[str, str]
    summary: tuple[str, str]
    conditions: tuple[str, str]
    amounts: tuple[int, ...]
    features: tuple[tuple[str, str, str, str], ...] = ()
    product: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)


_MONTHLY = (
    "按月计费，从开通当天起按天折算，次月出账。可随时退订，用到当月月底。",
    "Charged by the month, by days in the first one, on the bill of the month after. Cancel at any time.",
)
_NEEDS_BASIC = (
    "须先有基本收视。" + _MONTHLY[0],
    "Needs basic TV. " + _MONTHLY[1],
)
_LINE = {"change_effect": Effect.AT_ONCE, "group": "broadband"}

ITEMS = (
    Item(
        "basic", "basic", ("基本收视维护费", "Basic TV"),
        ("60 套公共频道，一户可带多台电视", "60 public channels, several sets"),
        (
            "按电视终端计费：第 1 台为主终端，第 2、3 台为副终端，第 4 台起重新按主终端计算。报停每月收停机保号费用。",
            "Charged per set: the first is the main one, the second and third cost less, the fourth begins anew.",
        ),
        (2600, 800, 800), (("公共频道", "60 套", "Public channels", "60"), ("回看", "7 天", "Catch-up", "7 days")),
        {"entitlements": ["TV-BASIC"]}, {"most_per_account": 6, "while_paused": WhileOff.FEE},
    ),
    Item(
        "hd", "pack", ("高清互动节目包", "HD interactive pack"),
        ("40 套高清频道和互动点播", "40 HD channels and on demand"),
        _NEEDS_BASIC, (1500,), (("高清频道", "40 套", "HD channels", "40"),), {"entitlements": ["TV-HD"]},
    ),
    Item(
        "sports", "pack", ("体育赛事包", "Sports pack"), ("联赛直播，赛后回看", "Live leagues and replays"),
        _NEEDS_BASIC, (2000,), (("体育频道", "8 套", "Sports channels", "8"),), {"entitlements": ["TV-SPORTS"]},
    ),
    Item(
        "kids", "pack", ("少儿成长包", "Kids pack"),
        ("动画和课堂，没有广告", "Cartoons and lessons without advertising"),
        _NEEDS_BASIC, (900,), (("少儿频道", "6 套", "Kids channels", "6"),), {"entitlements": ["TV-KIDS"]},
    ),
    Item(
        "vod", "value_added", ("影视点播月卡", "Movies by the month"), ("当月不限次数看片库", "All films of the month"),
        _NEEDS_BASIC, (500,), (("片库", "3000 部", "Films", "3,000"),), {"entitlements": ["VOD-MONTH"]},
        {"cancel_effect": Effect.AT_ONCE},
    ),
    Item(
        "bb100", "broadband", ("宽带 100M", "Broadband 100M"), ("看剧办公都够用", "Enough for films and work"),
        _MONTHLY,
        (5800,), (("下行速率", "100 Mbps", "Download", "100 Mbps"), ("上行速率", "20 Mbps", "Upload", "20 Mbps")),
        {"line_profile": "100M"}, _LINE,
    ),
    Item(
        "bb300", "broadband", ("宽带 300M", "Broadband 300M"), ("一家人同时在线", "For the whole family"), _MONTHLY,
        (7800,), (("下行速率", "300 Mbps", "Download", "300 Mbps"), ("上行速率", "30 Mbps", "Upload", "30 Mbps")),
        {"line_profile": "300M"}, _LINE,
    ),
    Item(
        "bb1000", "broadband", ("宽带 1000M", "Broadband 1000M"), ("千兆到家", "A gigabit at home"),
        (
            "合约期 12 个月，提前终止按剩余月份费用的 30% 收取违约金；升级不收违约金。按月计费。",
            "For 12 months; ending early costs 30% of the remaining fees, upgrading nothing.",
        ),
        (10800,), (("下行速率", "1000 Mbps", "Download", "1,000 Mbps"), ("上行速率", "50 Mbps", "Upload", "50 Mbps")),
        {"line_profile": "1000M"},
        _LINE | {"term_months": 12, "penalty_kind": PenaltyKind.PERCENT, "penalty_percent": 30},
    ),
    Item(
        "together-year", "bundle", ("电视宽带融合年包", "TV and broadband, a year ahead"),
        ("高清电视加 100M 宽带，一年一付", "HD TV and 100M, paid once a year"),
        (
            "预付 12 个月，含高清互动节目包和宽带 100M，须先有基本收视。到期自动续订，续订前提醒，可随时取消续订。"
            "提前终止按剩余月份费用的 30% 收取违约金。",
            "Twelve months ahead, with the HD pack and 100M; needs basic TV. Renewed unless you say no; we remind you.",
        ),
        (72000,), (("高清频道", "40 套", "HD channels", "40"), ("下行速率", "100 Mbps", "Download", "100 Mbps")),
        {"entitlements": ["TV-HD"], "line_profile": "100M"},
        {
            "cycle": Cycle.TERM, "term_months": 12, "is_renewed": True, "group": "broadband",
            "penalty_kind": PenaltyKind.PERCENT, "penalty_percent": 30, "return_days": 7,
        },
    ),
    Item(
        "box", "device", ("高清机顶盒", "HD set-top box"), ("支持回看和点播", "Catch-up and on demand"),
        (
            "一次性购买，归客户所有，质保一年。签收 7 天内可以退货。",
            "Bought once and yours; a year of warranty, 7 days to return it.",
        ),
        (29900,), (("分辨率", "4K", "Resolution", "4K"),), {"stock_item": "BOX-4K"},
        {"cycle": Cycle.ONCE, "return_days": 7, "most_per_account": 6},
    ),
    Item(
        "box-24", "contract", ("高清机顶盒合约 24 个月", "HD set-top box, 24 months"),
        ("每月 8 元用上 4K 机顶盒", "A 4K box for 8 yuan a month"),
        (
            "合约期 24 个月，机顶盒到营业厅领取，合约期内归运营商所有，业务结束后交回。须先有基本收视。"
            "提前终止每剩余一个月收取 6 元违约金；开通 7 天内可以退货。按月计费，次月出账。",
            "For 24 months; collect the box at a hall and bring it back at the end. Needs basic TV. Ending early costs "
            "6 yuan for each month left; 7 days to return it. Charged by the month, on the bill of the month after.",
        ),
        (800,), (("分辨率", "4K", "Resolution", "4K"), ("合约期", "24 个月", "Contract", "24 months")),
        {"stock_item": "BOX-4K"},
        {
            "term_months": 24, "penalty_kind": PenaltyKind.PER_MONTH, "penalty_cents": 600, "return_days": 7,
            "most_per_account": 6,
        },
    ),
    Item(
        "sim", "number", ("自选号码卡", "Number card"), ("自己挑号，随选随办", "Choose your own number"),
        (
            "先选号，在保留时间内办理；选号费按号码等级一次收取。按月计费，从开通当天起按天折算，次月出账。"
            "退订后号码锁定 6 个月，期满重新开放。",
            "Choose a number first and order while it is kept for you; its fee is by its class, once. By the month. "
            "When you leave, the number is locked for six months.",
        ),
        (1900,), (("通话", "100 分钟", "Calls", "100 minutes"), ("流量", "5 GB", "Data", "5 GB")), {},
        {"most_per_account": 5},
    ),
    Item(
        "bb50", "broadband", ("宽带 50M", "Broadband 50M"), ("老用户继续有效", "For those who have it"), _MONTHLY,
        (4800,), (("下行速率", "50 Mbps", "Download", "50 Mbps"),), {"line_profile": "50M"}, _LINE,
    ),
)  # fmt: skip
RELATIONS = (
    *((code, _K.NEEDS, "basic") for code in ("hd", "sports", "kids", "vod", "together-year", "box-24")),
    ("together-year", _K.EXCLUDES, "hd"),
    ("bb50", _K.UPGRADES_TO, "bb100"),
    ("bb100", _K.UPGRADES_TO, "bb300"),
    ("bb300", _K.UPGRADES_TO, "bb1000"),
    ("bb300", _K.DOWNGRADES_TO, "bb100"),
    ("bb1000", _K.DOWNGRADES_TO, "bb300"),
)
KIDS = {
    "name": "有孩子的家庭",
    "name_en": "Families with children",
    "reason": "因为您家有小朋友",
    "reason_en": "Because there are children at home",
}


def everything(owner: User, *, as_of: datetime) -> int:
    """The whole shelf, owned by that member of staff; what is there stays as it is. How many offers are new."""
    since = as_of - SOLD_SINCE
    known = set(Offer.objects.values_list("code", flat=True))
    new = [item for item in ITEMS if item.code not in known]
    offers = {item.code: _draft(item, owner, clock.local_date(since)) for item in new}
    for code, kind, other in RELATIONS:
        if code in offers:
            OfferRelation.objects.create(offer=offers[code], kind=kind, other=Offer.objects.get(code=other))
    for item in new:
        _price(item, offers[item.code], since)
    for item in new:
        publishing.publish_offer(offer_id=offers[item.code].pk, as_of=since)
    if new:
        _changes(offers, as_of)
    _rules(owner, since)
    return len(new)


def _type(code: str) -> ProductType:
    place, (_code, name, name_en, flow, per_terminal) = next(
        (place, row) for place, row in enumerate(TYPES, start=1) if row[0] == code
    )
    given = {
        "name": name,
        "name_en": name_en,
        "flow": flow,
        "is_per_terminal": per_terminal,
        "position": 10 * place,
    }
    return ProductType.objects.get_or_create(code=code, defaults=given)[0]


def _draft(item: Item, owner: User, active_from: date) -> Offer:
    kind = _type(item.type)
    offer = Offer.objects.create(
        code=item.code,
        type=kind,
        name=item.names[0],
        name_en=item.names[1],
        summary=item.summary[0],
        summary_en=item.summary[1],
        conditions=item.conditions[0],
        conditions_en=item.conditions[1],
        owner=owner,
        active_from=active_from,
        **item.more,
    )
    offer.specifications.add(_specification(item, kind))
    if item.code == "kids":
        offer.segments.add(Segment.objects.get_or_create(code="KIDS", defaults=KIDS)[0])
    return offer


def _specification(item: Item, kind: ProductType) -> ProductSpecification:
    given = {"type": kind, "name": item.names[0], "name_en": item.names[1], **item.product}
    row, is_new = ProductSpecification.objects.get_or_create(code=f"P-{item.code}", defaults=given)
    if is_new:
        SpecificationFeature.objects.bulk_create(
            SpecificationFeature(
                specification=row, name=zh, value=value, name_en=en, value_en=value_en, position=place
            )
            for place, (zh, value, en, value_en) in enumerate(item.features, start=1)
        )
    return row


def _price(item: Item, offer: Offer, since: datetime) -> None:
    def add(*amounts: int, **more: Any) -> None:
        given = {"active_from": offer.active_from, "as_of": since} | more
        prices.add(offer_id=offer.pk, amounts_cents=amounts, **given)

    charge = Charge.ONCE if item.type == "device" else Charge.PERIOD
    add(*item.amounts, charge=charge, after_last=AfterLast.AGAIN if len(item.amounts) > 1 else AfterLast.LAST)
    if item.code == "basic":
        add(2080, customer_kind="ENTERPRISE")
        add(500, charge=Charge.PAUSE)
    west = Region.objects.filter(code="DEMO-QH-W").first()
    if item.code == "bb300" and west is not None:
        add(7500, region_id=west.pk)


def _changes(offers: dict[str, Offer], as_of: datetime) -> None:
    """A price that is told ahead, and an offer that was sold until last month."""
    today = clock.local_date(as_of)
    if "sports" in offers:
        first = (today.replace(day=1) + timedelta(days=62)).replace(day=1)
        prices.add(
            offer_id=offers["sports"].pk,
            amounts_cents=[2200],
            active_from=first,
            source="新赛季版权调整",
            as_of=as_of,
        )
    if "bb50" in offers:
        last = as_of - timedelta(days=40)
        publishing.withdraw_offer(
            offer_id=offers["bb50"].pk, ends_on=clock.local_date(as_of) - timedelta(days=30), as_of=last
        )


def _rules(owner: User, since: datetime) -> None:
    begin = clock.local_date(since)
    Tier.objects.get_or_create(code="GOLD", defaults={"name": "金卡", "name_en": "Gold"})
    _rule(
        owner, since, ["bb100", "bb300", "bb1000"], ["basic"],
        code="together", name="电视宽带融合优惠", name_en="TV and broadband together",
        conditions="同一户号同时有基本收视和宽带的，宽带每月减 10 元。",
        conditions_en="10 yuan off broadband each month where basic TV is held on the same account.",
        effect=PriceRule.Effect.MINUS, value=1000, active_from=begin,
    )  # fmt: skip
    _rule(
        owner, since, ["hd", "sports", "kids"], [],
        code="gold", name="金卡频道包九折", name_en="Gold: ten per cent off packs",
        conditions="金卡等级客户，频道包按九折收取。", conditions_en="For gold customers: packs at 90%.",
        effect=PriceRule.Effect.PERCENT, value=90, tiers=["GOLD"], active_from=begin,
    )  # fmt: skip


def _rule(owner: User, since: datetime, about: list[str], beside: list[str], **given: Any) -> None:
    if PriceRule.objects.filter(code=given["code"]).exists():
        return
    rule = PriceRule.objects.create(owner=owner, **given)
    rule.offers.set(Offer.objects.filter(code__in=about))
    rule.with_offers.set(Offer.objects.filter(code__in=beside))
    publishing.publish_rule(rule_id=rule.pk, as_of=since)
