import pytest

from notices import rules
from notices.models import DELIVERY_MACHINE, DeliveryState


def test_variables_are_filled_in() -> None:
    assert (
        rules.render("验证码 {{ code }}，{{minutes}} 分钟", {"code": "1", "minutes": "5"})
        == "验证码 1，5 分钟"
    )


def test_a_value_cannot_add_lines_or_turn_text_around() -> None:
    assert rules.render("户名 {{ name }}。", {"name": "张\r\n三\u202e反"}) == "户名 张 三 反。"


def test_a_value_is_never_a_template() -> None:
    assert rules.render("{{ a }}", {"a": "{{ b }}", "b": "x"}) == "{{ b }}"


def test_a_missing_value_is_a_fault() -> None:
    with pytest.raises(rules.BadTemplate, match="no value for code"):
        rules.render("{{ code }}", {})


@pytest.mark.parametrize("text", ["{% load x %}", "{# note #}"])
def test_a_template_holds_plain_variables_only(text: str) -> None:
    with pytest.raises(rules.BadTemplate):
        rules.render(text, {})


def test_variables_of_a_text() -> None:
    assert rules.variables("{{ a }} b {{c_d}}") == {"a", "c_d"}


def test_the_wanted_language_comes_first_and_chinese_after_it() -> None:
    assert rules.languages("en") == ("en", "zh-hans")
    assert rules.languages("zh-hans") == ("zh-hans",)


@pytest.mark.parametrize(
    ("state", "status", "after"),
    [
        ("QUEUED", "DELIVERED", "DELIVERED"),
        ("QUEUED", "FAILED", "FAILED"),
        ("SENT", "DELIVERED", "DELIVERED"),
        ("SENT", "FAILED", "FAILED"),
        ("FAILED", "DELIVERED", "DELIVERED"),
        ("FAILED", "FAILED", "FAILED"),
        ("DELIVERED", "FAILED", "DELIVERED"),
        ("DELIVERED", "DELIVERED", "DELIVERED"),
        ("EXPIRED", "DELIVERED", "EXPIRED"),
        ("EXPIRED", "FAILED", "EXPIRED"),
        ("SENT", "UNHEARD_OF", "SENT"),
    ],
)
def test_what_a_receipt_makes_of_a_delivery(state: str, status: str, after: str) -> None:
    assert rules.state_after_receipt(state, status) == after


@pytest.mark.parametrize("state", DeliveryState.values)
@pytest.mark.parametrize("status", ["DELIVERED", "FAILED"])
def test_a_receipt_only_makes_steps_that_the_machine_allows(state: str, status: str) -> None:
    after = rules.state_after_receipt(state, status)
    assert after == state or DELIVERY_MACHINE.allows(state, after)
