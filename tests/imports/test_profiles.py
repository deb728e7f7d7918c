from pathlib import Path

import pytest

from core.imports import cells, profiles
from core.imports.errors import BadHeader, BadProfile, UnknownProfile
from core.imports.profiles import Profile
from core.imports.records import Field, Parser, Record, Skipped, check_names
from core.imports.rejects import Reject
from core.imports.rows import Row
from tests.imports import build

GOOD = """source = "test"
money = "major"

[bills]
create_accounts = true

[bills.columns]
number = "No"
account = ["Acct", "Account"]
"""
FIELDS = (
    Field("number", cells.number(20), is_required=True),
    Field("account", cells.number(20)),
    Field("text", cells.text(20), default="nothing"),
)
OPTIONS: dict[str, type | tuple[type, ...]] = {"create_accounts": bool}


def profile(folder: Path, text: str = GOOD) -> Profile:
    return build.profile(folder, text, "bills", OPTIONS)


def test_what_a_profile_says(tmp_path: Path) -> None:
    found = profile(tmp_path)
    assert found.source == "test"
    assert found.columns == {"number": "No", "account": ["Acct", "Account"]}
    assert found.options == {"create_accounts": True}
    assert found.format.delimiter == ","


@pytest.mark.parametrize(
    ("change", "line", "hint"),
    [
        (('money = "major"', 'monney = "major"'), 2, "monney"),
        (('money = "major"', 'money = "dollars"'), 2, "money"),
        (('money = "major"', "money = 5"), 2, "str"),
        (('money = "major"', 'dates = "%Y"'), 2, "list"),
        (('money = "major"', "dates = []"), 2, "dates"),
        (('money = "major"', 'delimiter = "||"'), 2, "one character"),
        (('money = "major"', 'quote = ","'), 2, "quote"),
        (('money = "major"', "skip_lines = -1"), 2, "negative"),
        (('money = "major"', "skip_lines = true"), 2, "int"),
        (('money = "major"', 'encoding = "klingon"'), 2, "klingon"),
        (('money = "major"', "money = "), 2, "line 2"),
        (('source = "test"', 'source = "hall"'), 1, "hall"),
        (('source = "test"', 'source = "Ü"'), 1, "source"),
        (("create_accounts = true", "create_acounts = true"), 5, "create_acounts"),
        (("create_accounts = true", 'create_accounts = "yes"'), 5, "bool"),
        (('number = "No"', "number = 0"), 8, "counted from 1"),
        (('number = "No"', "number = true"), 8, "number"),
        (('number = "No"', "number = []"), 8, "number"),
        (("[bills.columns]", "[bills.colums]"), 7, "colums"),
        (("[bills]\ncreate_accounts = true\n", "[bills]\ncolumns = 5\n[receipts]\n"), 5, "dict"),
    ],
)
def test_a_wrong_profile_is_named_with_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, hint: str
) -> None:
    text = GOOD.replace(*change)
    if "columns = 5" in text:
        text = text[: text.index("[receipts]")]
    with pytest.raises(BadProfile) as caught:
        profile(tmp_path, text)
    assert caught.value.params["line"] in (line, str(line))
    assert hint in caught.value.text


def test_a_profile_for_other_kinds_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadProfile, match="receipts"):
        build.profile(tmp_path, GOOD, "receipts")


def test_profiles_are_found_by_name_and_kind() -> None:
    assert profiles.names("bills") == ["accounts_receivable", "boss"]
    assert profiles.names("receipts") == ["accounts_receivable", "boss"]
    assert profiles.names("accounts") == ["boss", "telco_customer_churn"]
    with pytest.raises(UnknownProfile, match="accounts_receivable"):
        profiles.load("nothing", kind="bills", options={})
    with pytest.raises(UnknownProfile):
        profiles.load("no/such/file.toml", kind="bills", options={})


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (('number = "No"', 'numer = "No"'), "numer"),
        (('number = "No"\n', ""), "number needs"),
        (("[bills.columns]", '[bills.constants]\nnumber = "1"\n[bills.columns]'), "both"),
        (("[bills.columns]", "[bills.widths]\nwidth = 1\n[bills.columns]"), "width"),
    ],
)
def test_fields_that_do_not_fit_are_refused(tmp_path: Path, change: tuple[str, str], hint: str) -> None:
    with pytest.raises(BadProfile, match=hint):
        check_names(FIELDS, profile(tmp_path, GOOD.replace(*change)))


def parser(folder: Path, header: list[str] | None, text: str = GOOD) -> Parser:
    found = profile(folder, text)
    check_names(FIELDS, found)
    return Parser(FIELDS, found, header)


def test_headers_may_have_spaces_and_marks_and_one_of_several_names(tmp_path: Path) -> None:
    bound = parser(tmp_path, ["\ufeffNo ", " Account\u200b", "Extra"])
    assert bound.parse(Row(2, 2, [" 1 ", "A-1\t", "x"])) == Record(2, 2, ["1", "A-1", "nothing"])


@pytest.mark.parametrize("header", [["Number", "Acct"], ["No", "No", "Acct"], ["No", "Konto"], [""]])
def test_a_header_that_does_not_fit_stops_everything(tmp_path: Path, header: list[str]) -> None:
    with pytest.raises(BadHeader):
        parser(tmp_path, header)


def test_columns_by_number_need_no_header(tmp_path: Path) -> None:
    text = (
        GOOD.replace('"No"', "2")
        .replace('["Acct", "Account"]', "1")
        .replace('money = "major"', "header = false")
    )
    bound = parser(tmp_path, None, text)
    assert bound.parse(Row(1, 1, ["A", "1"])) == Record(1, 1, ["1", "A", "nothing"])
    short = bound.parse(Row(2, 2, ["A"]))
    assert isinstance(short, Reject)
    assert short.reason.code == "COLUMNS"


def test_a_row_without_the_numbered_column_is_refused_even_when_it_is_the_first(tmp_path: Path) -> None:
    text = (
        GOOD.replace('"No"', "2")
        .replace('["Acct", "Account"]', "1")
        .replace('money = "major"', "header = false")
    )
    first = parser(tmp_path, None, text).parse(Row(1, 1, ["A"]))
    assert isinstance(first, Reject)


def test_a_numbered_column_beyond_the_header_stops_everything(tmp_path: Path) -> None:
    with pytest.raises(BadHeader):
        parser(tmp_path, ["a", "b"], GOOD.replace('"No"', "3").replace('["Acct", "Account"]', "1"))


def test_null_words_constants_filters_and_comments(tmp_path: Path) -> None:
    text = GOOD.replace('money = "major"', 'comment = "#"\nnulls = ["", "-"]') + (
        '[bills.constants]\ntext = "费用"\n[bills.only]\nState = ["Y", "是"]\n'
    )
    bound = parser(tmp_path, ["No", "Acct", "State"], text)
    assert bound.parse(Row(2, 2, ["1", "-", "是"])) == Record(2, 2, ["1", "", "费用"])
    assert bound.parse(Row(3, 3, ["2", "A", "N"])) == Skipped(is_blank=False)
    assert bound.parse(Row(4, 4, ["# total", "", ""])) == Skipped(is_blank=False)
    assert bound.parse(Row(5, 5, [" ", "\u3000", "\t"])) == Skipped(is_blank=True)
    assert bound.parse(Row(6, 6, [])) == Skipped(is_blank=True)
    missing = bound.parse(Row(7, 7, ["-", "A", "Y"]))
    assert isinstance(missing, Reject)
    assert (missing.column, missing.reason.code) == ("No", "MISSING")


def test_a_constant_that_its_field_refuses_is_a_wrong_profile(tmp_path: Path) -> None:
    with pytest.raises(BadProfile, match="text"):
        parser(tmp_path, ["No", "Acct"], GOOD + f'[bills.constants]\ntext = "{"x" * 30}"\n')
