import csv
from pathlib import Path

import pytest

from core.imports import rejects
from core.imports.errors import UnreadableFile
from core.imports.rejects import Reject, RejectFile, harmless
from tests import shared_data


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(1)",
        "|calc",
        "\t=1+1",
        "\n=1+1",
        " =1+1",
        "\ufeff=1+1",
        "＝1+1",
        "＋1",
        "－1",
        "＠x",
    ]
    + ["'=1+1", '"=1+1', "%0A=1", "\u200b=1"],
)
def test_nothing_that_starts_a_formula_starts_a_cell(text: str) -> None:
    assert harmless(text).startswith("'")


@pytest.mark.parametrize("text", ["张伟", "8100000001", "a=b", "", "it's"])
def test_other_text_is_shown_as_it_is(text: str) -> None:
    assert harmless(text) == text


def test_unseen_characters_and_length() -> None:
    assert harmless("a\0b\u202ec\nd") == "a b c d"
    assert harmless("长" * 60) == "长" * 60
    assert harmless("长" * 3000) == "长" * 59 + "…"


def test_shared_injections_are_harmless() -> None:
    with shared_data.require("hostile/csv_injection.csv").open(encoding="utf-8", newline="") as file:
        values = [row["value"] for row in csv.DictReader(file)]
    assert len(values) == 31
    for value in values:
        start = harmless(value).strip(' "')[:1]
        assert start not in tuple("=+-@|%＝＋－＠")


def test_the_file_opens_in_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with RejectFile(path) as out:
        out.write(Reject(5, "姓名", rejects.LINE_BREAK, "=换\n行", 7))
        out.write(Reject(9, "", rejects.COLUMNS, "3"))
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["行", "末行", "列", "代码", "原因", "内容"],
            ["5", "7", "姓名", "LINE_BREAK", "含有换行", "'=换 行"],
            ["9", "9", "", "COLUMNS", "列数与表头不一致", "3"],
        ]


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        RejectFile(tmp_path / "no-such-folder" / "out.csv")
