import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import names
from tests import shared_data

GOOD = {
    "欧阳娜娜": "欧阳娜娜",
    "司马·相如": "司马·相如",
    "𠮷田": "𠮷田",
    "〇": "〇",
    "O’Brien": "O’Brien",
    "  张三  ": "张三",
    "张三\n": "张三",
    "张　 三": "张 三",
    "Zhang  San": "Zhang San",
    "e\u0301": "é",
    "null": "null",
    "-1": "-1",
    "张" * 60: "张" * 60,
}
BAD = [
    "",
    " ",
    "\t",
    "张三<b>",
    "a>b",
    "张\u200b三",
    "张\u200d三",
    "\u202e三张",
    "\u2066张三",
    "张\ufeff三",
    "张\0三",
    "张\x1b[31m",
    "张\u00ad三",
    "\ue000",
    "张" * 61,
]


@pytest.mark.parametrize(("typed", "name"), GOOD.items())
def test_a_name_is_kept_as_people_write_it(typed: str, name: str) -> None:
    assert names.clean(typed) == name


@pytest.mark.parametrize("typed", BAD)
def test_what_hides_or_breaks_is_refused(typed: str) -> None:
    with pytest.raises(names.BadName) as caught:
        names.clean(typed)
    assert caught.value.text == "姓名不能为空或超过 60 个字，也不能含有特殊符号"


def test_the_length_is_the_caller_s() -> None:
    assert names.clean("张" * 120, longest=120) == "张" * 120


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        name = names.clean(text)
    except names.BadName:
        return
    assert names.clean(name) == name
    assert 0 < len(name) <= 60


def test_the_collected_odd_names() -> None:
    odd = json.loads(shared_data.require("hostile/zh_names_edge.json").read_text(encoding="utf-8"))
    for typed in odd:
        try:
            name = names.clean(typed)
        except names.BadName:
            assert (
                not typed.strip()
                or len(typed.strip()) > 60
                or any(c in typed for c in "<>\u200b\u200d\u202e")
            )
        else:
            assert name == " ".join(typed.split())
