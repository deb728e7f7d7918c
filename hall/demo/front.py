"""What the demo's front door tells: news, notices, an offer, and five halls in two cities."""

from datetime import datetime, time, timedelta

from accounts.models import Region, User
from content import seeds
from content.models import Article, Hall, HallHours, Section
from content.services import articles, halls
from core.actor import Actor

ACTOR = Actor.command("demo_data")
A_DAY = timedelta(days=1)
# code, name, level, code of the place above
MORE_REGIONS = (
    ("DEMO-LS", "临山市", Region.Level.CITY, "DEMO-YS"),
    ("DEMO-LS-C", "中山区", Region.Level.DISTRICT, "DEMO-LS"),
)
ALL = ["PAY", "OPEN", "BROADBAND", "DEVICE", "INVOICE", "COMPLAINT", "BARRIER_FREE"]
# code, region, names, addresses, ways, micro-degrees, services, (opens, closes), days of the week
HALLS = (
    (
        "heping-road", "DEMO-QH-E1", ("和平路营业厅", "Heping Road Hall"),
        ("清河市城东区和平路 18 号", "18 Heping Road, East District, Qinghe"),
        ("公交 3 路、12 路和平路站", "Buses 3 and 12, stop Heping Road"),
        (30_280_000, 120_160_000), ALL, (time(8, 30), time(17, 30)), range(7),
    ),
    (
        "liuyuan", "DEMO-QH-W1", ("柳园营业厅", "Liuyuan Hall"),
        ("清河市城西区柳园街 6 号", "6 Liuyuan Street, West District, Qinghe"),
        ("柳园广场东侧", "East side of Liuyuan Square"),
        (30_270_000, 120_110_000), ["PAY", "OPEN", "DEVICE", "COMPLAINT"], (time(9), time(17)), range(6),
    ),
    (
        "shuyuan-lane", "DEMO-QH-E", ("书院巷服务点", "Shuyuan Lane Counter"),
        ("清河市城东区书院巷 2 号社区中心一楼", "Community centre, 2 Shuyuan Lane, East District, Qinghe"),
        ("", ""),
        (30_290_000, 120_170_000), ["PAY", "COMPLAINT"], (time(9), time(12)), range(5),
    ),
    (
        "linshan-centre", "DEMO-LS-C", ("临山中心营业厅", "Linshan Central Hall"),
        ("临山市中山区人民路 100 号", "100 Renmin Road, Zhongshan District, Linshan"),
        ("地铁 1 号线人民路站 B 口", "Metro line 1, Renmin Road, exit B"),
        (30_010_000, 120_580_000), [*ALL, "ENTERPRISE"], (time(8, 30), time(20)), range(7),
    ),
    (
        "yingyue", "DEMO-LS-C", ("映月路营业厅", "Yingyue Road Hall"),
        ("临山市中山区映月路 33 号", "33 Yingyue Road, Zhongshan District, Linshan"),
        ("", ""),
        (30_020_000, 120_590_000), ["PAY", "OPEN", "BROADBAND", "INVOICE"], (time(9), time(17, 30)), range(6),
    ),
)  # fmt: skip
# slug, kind, section, region, drawing, days from and until today, titles, summaries, bodies
ARTICLES = (
    (
        "hd-together", "PROMO", "offers", None, "family", -2, 28,
        ("电视宽带一起办，每月少付 10 元", "TV and broadband together: ¥10 less every month"),
        ("基本收视加 100M 宽带，融合优惠直接写在账单里。", "Basic TV with 100M broadband; the discount stands on the bill."),
        (
            "同一个户号同时使用**基本收视**和**宽带 100M**，每月账单自动减 10 元。\n\n- 不用另外申请，账单上有一行“电视宽带融合优惠”。\n- 停用其中一项的次月起不再减免。\n\n办理请到[营业厅](/halls/)。",
            "An account with **basic TV** and **broadband 100M** pays ¥10 less each month.\n\n- Nothing to apply for: the bill has a line for it.\n- It ends with the month after one of the two ends.\n\nPlease sign up in a [service hall](/halls/).",
        ),
    ),
    (
        "network-upgrade-east", "NOTICE", "notices", "DEMO-QH-E", "network", -1, 3,
        ("城东区网络升级，凌晨短时中断", "Network upgrade in the East District: short interruption at night"),
        ("后天 1:00 到 5:00，城东区电视和宽带会中断约 30 分钟。", "In two days, 1:00–5:00: TV and broadband stop for about 30 minutes."),
        (
            "为了更稳定，我们要更换城东区的机房设备。\n\n- **时间**：凌晨 1:00–5:00，每户中断约 30 分钟\n- **范围**：城东区\n\n中断后没有恢复的，请把机顶盒和光猫断电一分钟再试。",
            "We replace equipment in the East District.\n\n- **When**: 1:00–5:00, about 30 minutes for each household\n- **Where**: East District\n\nIf service does not come back, unplug the box and the modem for a minute.",
        ),
    ),
    (
        "holiday-hours", "NOTICE", "notices", None, "hall", -3, 20,
        ("元旦期间营业厅营业时间", "Opening hours over the New Year"),
        ("各厅的节假日时间写在自己的页面上，去之前先看一眼。", "Each hall's page has its hours for public holidays."),
        (
            "元旦期间各营业厅的时间不同，请看[营业厅](/halls/)页面上的“法定节假日”一行。网上营业厅全天可以办理。",
            "Hours differ over the New Year: see the line “Public holidays” on each [hall's page](/halls/). The online hall is always open.",
        ),
    ),
    (
        "email-bills-open", "NEWS", "news", None, "notice", -5, 60,
        ("账单可以发到邮箱了", "Bills can now come by e-mail"),
        ("出账当天收到 PDF，随时可以退订。", "A PDF on the day of the bill; stop it whenever you like."),
        (
            "不想每个月来查账单？[开通电子账单](/email-bills/)，出账当天就能收到 PDF。\n\n步骤写在[帮助](/help/bills-by-email/)里。",
            "No need to look each month: [bills by e-mail](/email-bills/) arrive as a PDF on the day.\n\nHow: see [the help](/help/bills-by-email/).",
        ),
    ),
    (
        "wechat-pay-open", "NEWS", "news", None, "pay", -12, 60,
        ("微信支付上线", "WeChat Pay has arrived"),
        ("电脑上扫码，手机上直接付。", "Scan on a computer, pay directly on a phone."),
        (
            "缴费时可以选择微信支付或支付宝。付款结果以本站显示为准，收据马上就有。",
            "Choose WeChat Pay or Alipay when you pay. The result counts as this site shows it; the receipt is there at once.",
        ),
    ),
    (
        "old-news", "NEWS", "news", None, "tv", -90, -30,
        ("已经过去的活动", "An offer that is over"),
        ("这条早就过期了：谁也看不到它。", "Nobody sees this any more."),
        ("过期内容不会显示。", "What is over is not shown."),
    ),
)  # fmt: skip


def everything(owner: User, *, as_of: datetime) -> dict[str, int]:
    """Sections, help, news and halls that are missing, all owned by that member of staff; how many are new."""
    for code, name, level, above in MORE_REGIONS:
        given = {"name": name, "level": level, "parent": Region.objects.get(code=above)}
        Region.objects.get_or_create(code=code, defaults=given)
    new = seeds.install(owner_id=owner.pk, as_of=as_of)
    known = set(Article.objects.values_list("slug", flat=True))
    sections = {section.code: section for section in Section.objects.all()}
    for row in ARTICLES:
        if row[0] not in known:
            _article(row, sections, owner, as_of)
            new["articles"] += 1
    return new | {"halls": _halls(owner, as_of)}


def _article(row: tuple[object, ...], sections: dict[str, Section], owner: User, as_of: datetime) -> None:
    slug, kind, section, region, drawing, first, last, titles, summaries, bodies = row
    begins, ends = as_of + int(str(first)) * A_DAY, as_of + int(str(last)) * A_DAY
    texts = {
        f"{name}_{language}": text
        for name, pair in (("title", titles), ("summary", summaries), ("body", bodies))
        for language, text in zip(("zh", "en"), pair, strict=True)  # type: ignore[call-overload]  # pairs of texts
    }
    article = Article(
        slug=str(slug),
        kind=str(kind),
        section=sections[str(section)],
        region=Region.objects.get(code=region) if region else None,
        drawing=str(drawing),
        owner=owner,
        active_from=begins,
        active_until=ends,
        **texts,
    )
    written_at = min(begins, as_of)
    articles.write(article, actor=ACTOR, as_of=written_at)
    articles.publish(article_id=article.pk, actor=ACTOR, as_of=written_at)


def _halls(owner: User, as_of: datetime) -> int:
    known = set(Hall.objects.values_list("code", flat=True))
    missing = [row for row in HALLS if row[0] not in known]
    for code, region, names, addresses, ways, place, services, hours, days in missing:
        hall = Hall(
            code=code,
            region=Region.objects.get(code=region),
            owner=owner,
            name_zh=names[0],
            name_en=names[1],
            address_zh=addresses[0],
            address_en=addresses[1],
            way_zh=ways[0],
            way_en=ways[1],
            latitude_e6=place[0],
            longitude_e6=place[1],
            services=services,
            active_from=as_of - 365 * A_DAY,
        )
        halls.write(hall, actor=ACTOR, as_of=as_of)
        HallHours.objects.bulk_create(
            HallHours(hall=hall, day=day, opens=hours[0], closes=hours[1]) for day in days
        )
    return len(missing)
