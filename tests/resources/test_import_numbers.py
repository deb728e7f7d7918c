"""Numbers from a list: all that is right is in, what is wrong is named by line and column, again changes nothing."""

import csv
import json
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from core import clock
from core.models import AuditRow
from hall.demo import build as demo
from hall.demo import numbers as demo_numbers
from resources.models import Number, NumberClass
from resources.selectors import numbers as reads
from resources.selectors.numbers import Wish
from tests.conftest import NOON
from tests.resources import build

pytestmark = pytest.mark.django_db(transaction=True)
HEAD = "号码,等级,区域\n"


@pytest.fixture(autouse=True)
def place() -> Any:
    build.number_class("PLAIN")
    build.number_class("NICE", price_cents=20_000)
    return build.region()


def run(folder: Path, *rows: str, **options: Any) -> dict[str, Any]:
    """The counts and the exit code; rejected rows are in `rejects`, as (line, column, code)."""
    file, rejected, out = folder / "list.csv", folder / "rejects.csv", StringIO()
    file.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    given = {"profile": "boss", "json": True, "rejects": rejected, "stdout": out} | options
    with suppress(SystemExit):  # some rows were rejected; the counts say how many
        call_command("import_numbers", file, **given)
    found: dict[str, Any] = json.loads(out.getvalue())
    with rejected.open(encoding="utf-8-sig", newline="") as lines:
        found["rejects"] = [(row[0], row[2], row[3]) for row in list(csv.reader(lines))[1:]]
    return found


def test_what_is_in_the_list_can_be_found_and_chosen(tmp_path: Path, place: Any) -> None:
    found = run(tmp_path, f"17012345678,PLAIN,{place.code}", f"17056708888,NICE,{place.code}")
    assert (found["created"], found["rejected"], found["exit"]) == (2, 0, 0)
    nice = reads.find(Wish(patterns=("AAAA",)), as_of=NOON).get()
    assert (nice.digits, nice.number_class.code, nice.region) == ("17056708888", "NICE", place)
    assert reads.find(Wish(anywhere="2345"), as_of=NOON).get().digits == "17012345678"
    assert reads.find(Wish(ends_with="678"), as_of=NOON).exists()
    build.hold("17012345678")
    assert AuditRow.objects.filter(action="import_numbers").count() == 1


def test_a_dry_run_finds_out_everything_and_changes_nothing(tmp_path: Path, place: Any) -> None:
    found = run(tmp_path, f"17012345678,PLAIN,{place.code}", "x,PLAIN,y", dry_run=True)
    assert (found["created"], found["rejected"], found["exit"]) == (1, 1, 3)
    assert not Number.objects.exists()
    assert not AuditRow.objects.exists()


def test_each_wrong_row_is_named_and_the_others_are_in(tmp_path: Path, place: Any) -> None:
    code = place.code
    found = run(
        tmp_path,
        f"17012345678,PLAIN,{code}",
        f"17012345679,DIAMOND,{code}",
        "17012345680,PLAIN,NOWHERE",
        f"1.7E+10,PLAIN,{code}",
        f"170-1234-5681,PLAIN,{code}",
        f"12,PLAIN,{code}",
        f",PLAIN,{code}",
        f"17012345678,NICE,{code}",
        f"17012345690,PLAIN,{code}",
    )
    assert found["rejects"] == [
        ("3", "等级", "UNKNOWN_NUMBER_CLASS"),
        ("4", "区域", "UNKNOWN_REGION"),
        ("5", "号码", "EXCEL_NUMBER"),
        ("6", "号码", "NUMBER_NOT_DIGITS"),
        ("7", "号码", "NUMBER_NOT_DIGITS"),
        ("8", "号码", "MISSING"),
        ("9", "", "DUPLICATE"),
    ]
    assert set(Number.objects.values_list("digits", flat=True)) == {"17012345678", "17012345690"}
    assert found["exit"] == 3


def test_again_changes_nothing_and_another_class_or_place_is_refused(tmp_path: Path, place: Any) -> None:
    row, west = f"17012345678,PLAIN,{place.code}", build.region("城西")
    run(tmp_path, row)
    again = run(tmp_path, row, row)
    assert (again["created"], again["unchanged"], again["exit"]) == (0, 2, 0)
    for other, column in (
        (f"17012345678,NICE,{place.code}", "等级"),
        (f"17012345678,PLAIN,{west.code}", "区域"),
    ):
        assert run(tmp_path, other)["rejects"] == [("2", column, "CHANGED")]
    number = Number.objects.get()
    assert (number.number_class.code, number.region) == ("PLAIN", place)


def test_a_long_list_goes_in_by_chunks(tmp_path: Path, place: Any) -> None:
    rows = [f"170{n:08d},PLAIN,{place.code}" for n in range(500)]
    assert run(tmp_path, *rows, chunk=64, lanes=2)["created"] == 500
    assert Number.objects.count() == 500


def test_the_demo_has_numbers_of_each_class_in_both_districts() -> None:
    with clock.stopped(NOON):
        demo._regions()
    new = demo_numbers.everything()
    assert new >= demo_numbers.HOW_MANY
    assert demo_numbers.everything() == 0
    free = reads.find(Wish(), as_of=NOON)
    assert free.count() == new
    assert {number.region.code for number in free} == {"DEMO-QH-E", "DEMO-QH-W"}
    for code, price in (("TOP", 100_000), ("NICE", 20_000), ("PLAIN", 0)):
        assert NumberClass.objects.get(code=code).price_cents == price
        assert free.filter(number_class__code=code).exists()
    assert not free.exclude(digits__regex=r"^170[0-9]{8}$").exists()
