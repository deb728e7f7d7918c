from dataclasses import replace
from pathlib import Path

import pytest

from core.imports import cells
from core.imports.cells import Maker, Value
from core.imports.profiles import Format, Profile
from core.imports.rejects import Refused

PROFILE = Profile(Path("test.toml"), "bills", "test", Format(), {}, widths={"wide": 10})


def read(maker: Maker, text: str, *, name: str = "x", **changes: object) -> Value:
    profile = replace(PROFILE, format=replace(PROFILE.format, **changes))  # type: ignore[arg-type]
    return maker(profile, name)(text)


def refused(maker: Maker, text: str, *, name: str = "x", **changes: object) -> str:
    with pytest.raises(Refused) as caught:
        read(maker, text, name=name, **changes)
    return caught.value.reason.code


@pytest.mark.parametrize(
    ("text", "cents"),
    [("0", 0), ("26", 2600), ("26.5", 2650), ("26.05", 2605), ("-0.00", 0), ("999999999.99", 99_999_999_999)],
)
def test_amounts_in_yuan(text: str, cents: int) -> None:
    assert read(cells.amount(), text) == cents


@pytest.mark.parametrize(
    "text",
    [
        "1E3",
        "１２．５０",
        "0.005",
        "1,234.50",
        "¥26.00",
        "26元",
        "NaN",
        "inf",
        "+5",
        "1 000",
        ".5",
        "5.",
        "0x1A",
        "٢٦",
    ]
    + ["1000000000.00", "-99999999999999.99", "26.00\u200b", "--5", "1_000"],
)
def test_what_is_not_exactly_an_amount_is_refused(text: str) -> None:
    assert refused(cells.amount(allow_negative=True), text) == "BAD_AMOUNT"


def test_negative_and_zero_amounts_where_they_mean_nothing() -> None:
    assert refused(cells.amount(), "-5") == "NEGATIVE_AMOUNT"
    assert refused(cells.amount(allow_zero=False), "0.00") == "ZERO_AMOUNT"
    assert read(cells.amount(allow_negative=True), "-4") == -400


def test_amounts_in_fen() -> None:
    assert read(cells.amount(), "2600", money="minor") == 2600
    assert refused(cells.amount(), "26.00", money="minor") == "BAD_AMOUNT"
    assert refused(cells.amount(), "999999999999", money="minor") == "BAD_AMOUNT"


@pytest.mark.parametrize("text", ["8100000001", "0000000010", "0379-NEVHP", "2026.01-0001", "A", "1E9"])
def test_numbers_stay_as_they_are(text: str) -> None:
    assert read(cells.number(60), text) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("8.1E+09", "EXCEL_NUMBER"),
        ("8100000001.0", "EXCEL_NUMBER"),
        ("1e+10", "EXCEL_NUMBER"),
        ("８１００", "BAD_NUMBER"),
        ("8100 0001", "BAD_NUMBER"),
        ("户1", "BAD_NUMBER"),
        ("-1", "BAD_NUMBER"),
        ("1'; DROP TABLE", "BAD_NUMBER"),
        ("81\u200b00", "BAD_NUMBER"),
        ("81\ufffd", "UNDECODABLE"),
        ("1" * 61, "TOO_LONG"),
    ],
)
def test_what_is_no_number_is_refused(text: str, reason: str) -> None:
    assert refused(cells.number(60), text) == reason


def test_numbers_of_digits_that_are_too_short_have_lost_zeros() -> None:
    assert refused(cells.number(60), "611365", name="wide") == "LOST_ZEROS"
    assert read(cells.number(60), "0000611365", name="wide") == "0000611365"
    assert read(cells.number(60), "A611365", name="wide") == "A611365"
    assert read(cells.number(60), "00000611365", name="wide") == "00000611365"


@pytest.mark.parametrize("text", ["𠮷野家·买买提·𪚥", "=cmd|' /C calc'!A0", "<b>", "😀", "O’Brien", "a　b"])
def test_text_is_kept_as_it_stands(text: str) -> None:
    assert read(cells.text(60), text) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("零宽\u200b字", "INVISIBLE_CHARACTER"),
        ("\u202e从右到左", "INVISIBLE_CHARACTER"),
        ("a\0b", "CONTROL_CHARACTER"),
        ("a\x1b[31m", "CONTROL_CHARACTER"),
        ("a\ud800", "CONTROL_CHARACTER"),
        ("多行\n地址", "LINE_BREAK"),
        ("坏\ufffd字", "UNDECODABLE"),
        ("长" * 61, "TOO_LONG"),
    ],
)
def test_text_that_cannot_be_shown_is_refused(text: str, reason: str) -> None:
    assert refused(cells.text(60), text) == reason


def test_line_breaks_become_a_space_where_they_are_allowed() -> None:
    assert read(cells.text(60, line_breaks=True), "多行\r\n地址\t1") == "多行 地址 1"


@pytest.mark.parametrize(
    ("text", "formats", "day"),
    [
        ("1/2/2013", ("%m/%d/%Y",), "2013-01-02"),
        ("20260229", ("%Y%m%d", "%Y-%m-%d"), None),
        ("20260228", ("%Y%m%d",), "2026-02-28"),
        ("2026111", ("%Y%m%d",), None),
        ("2026-11-1", ("%Y-%m-%d",), "2026-11-01"),
        ("2026-11-21 23:59:59", ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S"), "2026-11-21"),
        ("2026-11-20T23:00:00+00:00", ("%Y-%m-%dT%H:%M:%S%z",), "2026-11-21"),
        ("２０２６-11-21", ("%Y-%m-%d",), None),
        ("0026-11-21", ("%Y-%m-%d",), None),
        ("13/13/2013", ("%m/%d/%Y",), None),
        ("41234", ("%Y-%m-%d",), None),
    ],
)
def test_dates(text: str, formats: tuple[str, ...], day: str | None) -> None:
    if day is None:
        assert refused(cells.day(), text, dates=formats) == "BAD_DATE"
    else:
        assert read(cells.day(), text, dates=formats) == day


def test_moments_are_local_unless_they_say_otherwise() -> None:
    assert read(cells.moment(), "2026-11-21") == "2026-11-21T00:00:00+08:00"
    assert read(cells.moment(), "2026-11-21 08:30:00") == "2026-11-21T08:30:00+08:00"
    zoned = ("%Y-%m-%dT%H:%M:%S%z",)
    assert read(cells.moment(), "2026-11-21T00:30:00Z", dates=zoned) == "2026-11-21T08:30:00+08:00"


@pytest.mark.parametrize("text", ["2026-11", "202611", "2026/11", "2026年11月"])
def test_periods(text: str) -> None:
    assert read(cells.period(), text) == "2026-11"


@pytest.mark.parametrize("text", ["2026-13", "11/2026", "26-11", "２０２６11"])
def test_what_is_no_period(text: str) -> None:
    assert refused(cells.period(), text) == "BAD_PERIOD"
