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
        ("SENT", "BOUNCED_HARD", "FAILED"),
        ("SENT", "BOUNCED_SOFT", "FAILED"),
        ("SENT", "COMPLAINED", "SENT"),
        ("DELIVERED", "BOUNCED_HARD", "DELIVERED"),
        ("DELIVERED", "COMPLAINED", "DELIVERED"),
    ],
)
def test_what_a_receipt_makes_of_a_delivery(state: str, status: str, after: str) -> None:
    assert rules.state_after_receipt(state, status) == after


@pytest.mark.parametrize("state", DeliveryState.values)
@pytest.mark.parametrize("status", ["DELIVERED", "FAILED"])
def test_a_receipt_only_makes_steps_that_the_machine_allows(state: str, status: str) -> None:
    after = rules.state_after_receipt(state, status)
    assert after == state or DELIVERY_MACHINE.allows(state, after)


@pytest.mark.parametrize(
    ("failure", "state", "status", "after"),
    [
        ("", "DELIVERED", "DELIVERED", ""),
        ("", "FAILED", "FAILED", "OTHER"),
        ("", "FAILED", "BOUNCED_SOFT", "SOFT"),
        ("", "FAILED", "BOUNCED_HARD", "HARD"),
        ("", "DELIVERED", "BOUNCED_HARD", "HARD"),
        ("", "DELIVERED", "BOUNCED_SOFT", ""),
        ("", "DELIVERED", "COMPLAINED", "COMPLAINT"),
        ("", "SENT", "COMPLAINED", "COMPLAINT"),
        ("SOFT", "DELIVERED", "DELIVERED", ""),
        ("SOFT", "FAILED", "BOUNCED_HARD", "HARD"),
        ("HARD", "DELIVERED", "DELIVERED", "HARD"),
        ("HARD", "FAILED", "BOUNCED_SOFT", "HARD"),
        ("COMPLAINT", "DELIVERED", "BOUNCED_HARD", "COMPLAINT"),
        ("OTHER", "FAILED", "FAILED", "OTHER"),
        ("", "EXPIRED", "FAILED", ""),
    ],
)
def test_whose_trouble_a_failure_is(failure: str, state: str, status: str, after: str) -> None:
    assert rules.failure_after_receipt(failure, state, status) == after


@pytest.mark.parametrize(
    ("code", "text", "failure"),
    [
        (550, "no such user", "HARD"),
        (550, "5.1.1 unknown", "HARD"),
        (551, "user not local", "HARD"),
        (553, "5.1.3 bad syntax", "HARD"),
        (550, "5.2.1 mailbox disabled", "HARD"),
        (550, "5.2.2 over quota", "SOFT"),
        (552, "", "SOFT"),
        (450, "4.2.1", "SOFT"),
        (421, "", "SOFT"),
        (550, "5.7.1 blocked, see http://127.0.0.1/", "OTHER"),
        (554, "5.7.1 policy", "OTHER"),
        (554, "", "OTHER"),
        (501, "", "OTHER"),
    ],
)
def test_what_a_mail_server_s_words_mean(code: int, text: str, failure: str) -> None:
    assert rules.failure_of_smtp(code, text) == failure
