"""What the demo's front door tells: news, notices, an offer, and five halls in two cities."""

from datetime import datetime, time, timedelta
from pathlib import Path

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
# slug, kind, section, region, drawing, days from and until today; the texts lie in news/
ARTICLES: tuple[tuple[str, str, str, str | None, str, int, int], ...] = (
    ("hd-together", "PROMO", "offers", None, "family", -2, 28),
    ("network-upgrade-east", "NOTICE", "notices", "DEMO-QH-E", "network", -1, 3),
    ("holiday-hours", "NOTICE", "notices", None, "hall", -3, 20),
    ("email-bills-open", "NEWS", "news", None, "notice", -5, 60),
    ("wechat-pay-open", "NEWS", "news", None, "pay", -12, 60),
    ("old-news", "NEWS", "news", None, "tv", -90, -30),
)
NEWS = Path(__file__).parent / "news"


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


def _article(
    row: tuple[str, str, str, str | None, str, int, int],
    sections: dict[str, Section],
    owner: User,
    as_of: datetime,
) -> None:
    slug, kind, section, region, drawing, first, last = row
    begins = as_of + first * A_DAY
    article = Article(
        slug=slug,
        kind=kind,
        section=sections[section],
        region=Region.objects.get(code=region) if region else None,
        drawing=drawing,
        owner=owner,
        active_from=begins,
        active_until=as_of + last * A_DAY,
        **seeds.texts(NEWS / f"{slug}.zh.md", "zh"),
        **seeds.texts(NEWS / f"{slug}.en.md", "en"),
    )
    articles.write(article, actor=ACTOR, as_of=begins)
    articles.publish(article_id=article.pk, actor=ACTOR, as_of=begins)


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
