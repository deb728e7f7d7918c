"""What the demo consists of, as plain values: the same on every machine, whatever the day."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from faker import Faker

from accounts.models import Region
from billing.services.bills.bills import Line
from core import clock

SOURCE = "demo"
SEED = 20260101
MONTHS = 6
NEIGHBOURS = 18
FIRST_NUMBER = 8_800_100_001
CUSTOMER, STRANGER, NEWCOMER = "+8613800000001", "+8613800000002", "+8613800000003"

# code, name, level, code of the place above
REGIONS = (
    ("DEMO", "演示广电集团", Region.Level.GROUP, None),
    ("DEMO-YS", "云山省", Region.Level.PROVINCE, "DEMO"),
    ("DEMO-QH", "清河市", Region.Level.CITY, "DEMO-YS"),
    ("DEMO-QH-E", "城东区", Region.Level.DISTRICT, "DEMO-QH"),
    ("DEMO-QH-W", "城西区", Region.Level.DISTRICT, "DEMO-QH"),
    ("DEMO-QH-E1", "和平路营业厅", Region.Level.HALL, "DEMO-QH-E"),
    ("DEMO-QH-W1", "柳园营业厅", Region.Level.HALL, "DEMO-QH-W"),
)
DISTRICTS = {"DEMO-QH-E": "清河市城东区", "DEMO-QH-W": "清河市城西区"}
STREETS = ("和平路", "柳园街", "书院巷", "映月路", "新桥街", "槐荫路")

BASIC = Line("BASIC", "基本收视维护费", 2600)
SECOND_SET = Line("SECOND", "副终端收视维护费", 800)
HD = Line("HD", "高清互动节目包", 1500)
SPORTS = Line("SPORTS", "体育赛事包", 2000)
BROADBAND = Line("BB100", "宽带 100M", 5800)
TOGETHER = Line("BUNDLE", "电视宽带融合优惠", -1000)
# The offers (hall.demo.shelf) that a line of a bill is for.
OFFERS = {"BASIC": "basic", "SECOND": "basic", "HD": "hd", "SPORTS": "sports", "BB100": "bb100"}
TARIFFS = (
    (BASIC,),
    (BASIC, SECOND_SET),
    (BASIC, HD),
    (BASIC, HD, SPORTS),
    (BASIC, BROADBAND, TOGETHER),
    (BASIC, SECOND_SET, HD, BROADBAND, TOGETHER),
)


@dataclass(frozen=True, slots=True)
class Household:
    """One account: its newest `unpaid_bills` are open; on the oldest of those `part_cents` were paid."""

    number: str
    name: str
    phone: str
    region: str
    address: str
    tariff: tuple[Line, ...]
    unpaid_bills: int
    part_cents: int = 0

    @property
    def monthly_cents(self) -> int:
        return sum(line.amount_cents for line in self.tariff)


@dataclass(frozen=True, slots=True)
class Month:
    """A period ("2026-10"), billed on the first of the month after it and due on that month's last day."""

    period: str
    issued_on: date

    @property
    def due_on(self) -> date:
        return (self.issued_on + timedelta(days=31)).replace(day=1) - timedelta(days=1)

    @property
    def issued_at(self) -> datetime:
        return datetime.combine(self.issued_on, time(0, 30), clock.SHANGHAI)


def months(today: date) -> list[Month]:
    """The periods of the last six bills, oldest first."""
    found = []
    issued_on = today.replace(day=1)
    for _ in range(MONTHS):
        period_end = issued_on - timedelta(days=1)
        found.append(Month(f"{period_end:%Y-%m}", issued_on))
        issued_on = period_end.replace(day=1)
    return found[::-1]


def households() -> list[Household]:
    """All accounts: first the four of the people who can log in, then their neighbours."""
    faker = Faker("zh_CN")
    faker.seed_instance(SEED)
    chance = random.Random(SEED)
    name, other, third = faker.name(), faker.name(), faker.name()
    numbers = iter(range(FIRST_NUMBER, FIRST_NUMBER + NEIGHBOURS + 4))
    return [
        _home(next(numbers), name, CUSTOMER, chance, tariff=TARIFFS[4], unpaid=2),
        _home(next(numbers), name, CUSTOMER, chance, tariff=TARIFFS[2], unpaid=1, part_cents=1000),
        _home(next(numbers), other, STRANGER, chance, tariff=TARIFFS[1], unpaid=1),
        _home(next(numbers), third, NEWCOMER, chance, tariff=TARIFFS[3], unpaid=1),
        *_neighbours(numbers, faker, chance),
    ]


def paid_at(household: Household, month: Month, as_of: datetime) -> datetime:
    """When the household paid that bill: some day of the month, never after `as_of`."""
    chance = random.Random(f"{household.number} {month.period}")
    day = month.issued_at + timedelta(days=chance.randint(1, 20), minutes=chance.randint(480, 1300))
    return min(day, as_of)


def _neighbours(numbers: Iterator[int], faker: Faker, chance: random.Random) -> Iterator[Household]:
    for number in numbers:
        phone = f"+861380001{number % 10_000:04d}"
        unpaid = chance.choices((0, 1, 2, 3), weights=(55, 30, 10, 5))[0]
        yield _home(number, faker.name(), phone, chance, tariff=chance.choice(TARIFFS), unpaid=unpaid)


def _home(
    number: int,
    name: str,
    phone: str,
    chance: random.Random,
    *,
    tariff: tuple[Line, ...],
    unpaid: int,
    part_cents: int = 0,
) -> Household:
    region = chance.choice(list(DISTRICTS))
    house, unit, door = chance.randint(1, 88), chance.randint(1, 4), chance.randint(1, 6) * 100
    address = (
        f"{DISTRICTS[region]}{chance.choice(STREETS)} {house} 号 {unit} 单元 {door + chance.randint(1, 4)} 室"
    )
    return Household(str(number), name, phone, region, address, tariff, unpaid, part_cents)
