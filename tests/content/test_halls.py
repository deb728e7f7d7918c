"""Halls as everybody finds them: by city and district, open now, the nearest first."""

import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from accounts.models import Region
from content import rules
from content.models import Hall, HallException
from content.rules import Point
from content.selectors import halls as reads
from core import clock
from tests.conftest import NOON
from tests.content import build

pytestmark = pytest.mark.django_db
EAST, WEST = (30_280_000, 120_200_000), (30_280_000, 120_100_000)


@pytest.fixture(autouse=True)
def _noon() -> object:
    with clock.stopped(NOON):
        yield


@pytest.fixture
def city() -> Region:
    return build.region("CITY")


def district(code: str, city: Region) -> Region:
    return build.region(code, Region.Level.DISTRICT, city)


def hall(name: str, at: tuple[int, int] | None = None, **more: Any) -> Hall:
    places: dict[str, Any] = {"latitude_e6": at[0], "longitude_e6": at[1]} if at else {}
    return build.hall(name, **places, **more)


def names(query: str = "") -> list[str]:
    """The halls of the page, in its order."""
    answer = Client().get(f"/halls/{query}")
    assert answer.status_code == 200
    found = re.findall(r'<h2><a href="/halls/[^"]+">([^<]+)', answer.content.decode())
    return [str(name) for name in found]


def test_the_nearest_come_first_and_the_unsurveyed_last(city: Region) -> None:
    for name, at in (("甲厅", EAST), ("乙厅", None), ("丙厅", WEST)):
        hall(name, at, region=city)
    assert names("?near=30.280,120.201") == ["甲厅", "丙厅", "乙厅"]
    assert names("?near=30.280,120.101") == ["丙厅", "甲厅", "乙厅"]
    page = Client().get("/halls/?near=30.280,120.201").content.decode()
    assert "约 100 米" in page
    assert "约 9.7 公里" in page


@pytest.mark.parametrize(
    "near", ["somewhere", "91,0", "0,181", "30.28", "30.28,120.1,5", "３０,１２０", "1e1,0"]
)
def test_what_is_no_place_on_earth_is_refused(near: str) -> None:
    assert Client().get("/halls/", {"near": near}).status_code == 404
    assert Client().get("/api/content/halls/", {"near": near}).status_code == 400


def test_the_interface_tells_the_distance(city: Region) -> None:
    hall("甲厅", EAST, region=city)
    hall("丙厅", WEST, region=city)
    rows = Client().get("/api/content/halls/", {"near": "30.280,120.100"}).json()
    assert [(row["name"], row["distance_metres"]) for row in rows] == [("丙厅", 0), ("甲厅", 9_602)]
    assert Client().get("/api/content/halls/").json()[0]["distance_metres"] is None


@pytest.mark.parametrize(
    ("one", "other", "metres"),
    [
        ((0, 0), (0, 0), 0),
        ((0, 0), (1_000_000, 0), 111_195),  # a degree of latitude
        ((0, 0), (0, 180_000_000), 20_015_087),  # half around
        ((0, 179_900_000), (0, -179_900_000), 22_239),  # across the date line
        ((39_904_200, 116_407_400), (31_230_400, 121_473_700), 1_067_311),  # Beijing, Shanghai
    ],
)
def test_how_far(one: tuple[int, int], other: tuple[int, int], metres: int) -> None:
    assert rules.metres_between(Point(*one), Point(*other)) == pytest.approx(metres, rel=1e-5)


def test_without_a_script_one_chooses_city_and_then_district(city: Region) -> None:
    east, west = district("EAST", city), district("WEST", city)
    hall("东厅", region=east)
    hall("西厅", region=west)
    hall("远厅", region=build.region("FAR"))
    assert names() == ["东厅", "远厅", "西厅"]
    assert names("?place=CITY") == ["东厅", "西厅"]
    assert names("?place=WEST") == ["西厅"]
    page = Client().get("/halls/?place=CITY").content.decode()
    assert 'href="?place=EAST"' in page
    assert 'href="?place=WEST"' in page
    assert 'href="?place=EAST"' not in Client().get("/halls/").content.decode()
    assert reads.districts(city, as_of=NOON) == [east, west]
    assert Client().get("/halls/?place=NOWHERE").status_code == 404


def test_only_those_that_are_open_now(city: Region) -> None:
    hall("开着", region=city)
    shut = hall("关着", region=city)
    HallException.objects.create(hall=shut, on=clock.local_date(NOON))
    assert names() == ["开着", "关着"]
    assert names("?open=now") == ["开着"]
    assert names("?open=now&near=30.28,120.1") == ["开着"]
    with clock.stopped(datetime.combine(NOON.date(), datetime.min.time(), clock.SHANGHAI)):
        assert names("?open=now") == []
        assert "现在没有营业中的营业厅" in Client().get("/halls/?open=now").content.decode()


def test_this_page_alone_may_ask_where_one_is(city: Region) -> None:
    found = hall("甲厅", EAST, region=city)
    assert "geolocation=(self)" in Client().get("/halls/")["Permissions-Policy"]
    for path in ("/", f"/halls/{found.code}/", "/news/"):
        assert "geolocation=()" in Client().get(path)["Permissions-Policy"]


def test_the_page_costs_the_same_for_one_hall_and_for_many(
    city: Region, django_assert_num_queries: object
) -> None:
    hall("一号", EAST, region=district("D0", city))
    for size in (1, 20):
        with django_assert_num_queries(11):  # type: ignore[operator]  # pytest-django's fixture has no type
            names("?place=CITY&near=30.28,120.1")
        for number in range(20):
            hall(f"{number}", WEST, region=district(f"D{size}-{number}", city))


def test_the_page_of_a_hall_has_address_hours_services_and_the_way_to_the_map(city: Region) -> None:
    found = hall("甲厅", EAST, region=city, services=["PAY", "BARRIER_FREE"], phone="0571-1234567")
    page = Client().get(f"/halls/{found.code}/").content.decode()
    for text in ("和平路 1 号", "营业中", "营业至 17:30", "缴费", "无障碍设施", "法定节假日", "120.200000"):
        assert text in page
    assert 'href="tel:0571-1234567"' in page
    assert "在地图上看" not in Client().get(f"/halls/{hall('乙厅', region=city).code}/").content.decode()
