import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import phones
from tests import shared_data

GOOD = {
    "13800000000": "+8613800000000",
    "+86 138 0000 0000": "+8613800000000",
    "86-13800000000": "+8613800000000",
    "0086 13800000000": "+8613800000000",
    "008613800000000": "+8613800000000",
    "138-0000-0000": "+8613800000000",
    "138—0000—0000".replace("—", "\u2013"): "+8613800000000",
    "１３８００００００００": "+8613800000000",
    "＋８６ １３８００００００００": "+8613800000000",
    "138\u00a00000\u30000000": "+8613800000000",
    "\u202d13800000000\u202c": "+8613800000000",
    "\ufeff13800000000\u200b": "+8613800000000",
    "19900000000": "+8619900000000",
    "16600000000": "+8616600000000",
    "17000000000": "+8617000000000",
}
BAD = [
    "",
    " ",
    "abc",
    "12800000000",
    "1380000000",
    "138000000000",
    "010-88888888",
    "0755 26666666",
    "(010)88888888",
    "400-810-0000",
    "800-810-0000",
    "10086",
    "95598",
    "96956",
    "110",
    "1380000000O",
    "13800000000;13900000000",
    "13800000000 13900000000",
    "13800000000,13900000000",
    "13800000000/13900000000",
    "13800000000 转 801",
    "13800000000 ext 801",
    "13800000000x801",
    "tel:13800000000",
    "٠١٢٣٤٥٦٧٨٩",
    "١٣٨٠٠٠٠٠٠٠٠",
    "+13800000000",
    "+1 415 555 2671",
    "+852 5123 4567",
    "++8613800000000",
    "13800000000\n13900000000",
    "13800000000\0",
    "1" * 10_000,
    "-" * 10_000,
]


@pytest.mark.parametrize(("typed", "phone"), GOOD.items())
def test_a_number_as_people_type_it(typed: str, phone: str) -> None:
    assert phones.normalise(typed) == phone


@pytest.mark.parametrize("typed", BAD)
def test_what_is_no_mobile_number_is_refused(typed: str) -> None:
    with pytest.raises(phones.BadPhone) as caught:
        phones.normalise(typed)
    assert (caught.value.code, caught.value.text) == ("BAD_PHONE", "请填写 11 位手机号")


def test_other_countries_where_the_operator_allows_them(settings: object) -> None:
    settings.PHONE_REGIONS = ["CN", "HK"]  # type: ignore[attr-defined]
    assert phones.normalise("+852 5123 4567") == "+85251234567"
    with pytest.raises(phones.BadPhone):
        phones.normalise("+1 415 555 2671")


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        phone = phones.normalise(text)
    except phones.BadPhone:
        return
    assert phones.normalise(phone) == phone
    assert phone.startswith("+861")
    assert len(phone) == 14


def test_the_collected_odd_numbers() -> None:
    """Each is either a mobile number in E.164 or refused; none gets through half read."""
    odd = json.loads(shared_data.require("hostile/zh_phones_edge.json").read_text(encoding="utf-8"))
    assert {typed: _or_none(typed) for typed in odd if _or_none(typed)} == {
        typed: GOOD.get(typed, f"+86{typed}") for typed in odd if _or_none(typed)
    }
    assert [typed for typed in odd if typed in BAD and _or_none(typed)] == []


def _or_none(typed: str) -> str | None:
    try:
        return phones.normalise(typed)
    except phones.BadPhone:
        return None


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("+8613800000001", "138****0001"),
        ("+85251234567", "****4567"),
        ("", ""),
        ("1234", ""),
        ("12345", "****2345"),
    ],
)
def test_what_is_shown_of_a_number(phone: str, shown: str) -> None:
    assert phones.mask(phone) == shown
