"""Price lists become drafts, never offers that are on sale."""

import json
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from catalog.offers.models import Offer
from catalog.offers.prices import Price
from catalog.offers.services import publishing
from core.errors import HallError
from tests.catalog.offers import build
from tests.conftest import NOON
from tests.shared_data import require

pytestmark = pytest.mark.django_db(transaction=True)
HEAD = "item,region,year,price_yuan,unit,note,source\n"
LIST = (
    HEAD
    + "基本收视维护费,清河,2024,24.00,月/主终端,一户一端,文件一\n"
    + "基本收视维护费,清河,2026,26.00,月/主终端,一户一端,文件二\n"
    + "专业频道包,别处,2026,35.00,年,24 套,文件二\n"
    + "报停维护费,清河,,5.00,月,,文件二\n"
    + "开机费,清河,2026,x,次,,文件二\n"
)


def run(path: Path, **more: Any) -> dict[str, Any]:
    out = StringIO()
    with suppress(SystemExit):  # some rows were rejected; the counts say how many
        call_command("import_price_book", path, profile="tariff_facts_cn", json=True, stdout=out, **more)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text(LIST, encoding="utf-8")
    return path


def test_items_become_drafts_with_versions_of_prices(file: Path) -> None:
    place = build.region("QH")
    type(place).objects.filter(pk=place.pk).update(name="清河")
    counts = run(file)
    assert (counts["read"], counts["created"], counts["rejected"]) == (5, 4, 1)
    basic = Offer.objects.get(name="基本收视维护费")
    assert (basic.published_at, basic.owner, basic.type.code) == (None, None, "basic")
    assert list(basic.regions.all()) == [place]
    rows = basic.prices.order_by("active_from")
    assert [(row.amounts_cents, row.active_from.year, row.region) for row in rows] == [
        ([2400], 2024, place),
        ([2600], 2026, place),
    ]
    assert rows[0].active_to == rows[1].active_from
    assert "计费单位：月/主终端" in basic.conditions
    pack = Offer.objects.get(name="专业频道包（别处）")
    assert (pack.cycle, pack.term_months, pack.type.code) == ("TERM", 12, "pack")
    assert Price.objects.get(offer__name="报停维护费").charge == "PAUSE"


def test_the_same_file_again_changes_nothing_and_another_price_is_refused(file: Path) -> None:
    run(file)
    before = list(Price.objects.order_by("pk").values())
    again = run(file)
    assert (again["created"], again["unchanged"]) == (0, 4)
    file.write_text(LIST.replace("35.00", "36.00"), encoding="utf-8")
    assert run(file)["rejected"] == 2
    assert list(Price.objects.order_by("pk").values()) == before


def test_a_dry_run_writes_nothing(file: Path) -> None:
    assert run(file, dry_run=True)["created"] == 4
    assert not Offer.objects.exists()


def test_nothing_of_it_is_sold_before_a_person_says_so(file: Path) -> None:
    run(file)
    for offer in Offer.objects.all():
        with pytest.raises(HallError):
            publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    assert not Offer.objects.on_sale(NOON).exists()


def test_the_collected_tariffs_are_read() -> None:
    path = require("tv/tariff_facts_cn.csv")
    counts = run(path)
    assert counts["read"] == counts["created"] == len(path.read_text(encoding="utf-8").splitlines()) - 1
    assert counts["rejected"] == counts["failed"] == 0
    assert set(Price.objects.values_list("charge", flat=True)) == {"PERIOD", "PAUSE"}
