"""Which texts may be sent, and what is said of one that may not."""

import pytest

from notices import kinds, template_checks
from notices.kinds import ACCOUNT_TAIL, AMOUNT, CODE, WAY_OUT, Kind, Purpose
from notices.template_checks import Text

SERVICE = Kind(code="a", title="a", purpose=Purpose.SERVICE, variables=(ACCOUNT_TAIL, AMOUNT))
LEGAL = Kind(code="b", title="b", purpose=Purpose.LEGAL, variables=(ACCOUNT_TAIL, AMOUNT))
MARKETING = Kind(code="c", title="c", purpose=Purpose.MARKETING, variables=(AMOUNT, WAY_OUT))
SECRET = Kind(code="d", title="d", purpose=Purpose.SERVICE, variables=(CODE,), is_secret=True)


def fields(
    kind: Kind, body: str, *, title: str = "", channel: str = "SMS", is_secret: bool = False
) -> list[str]:
    return [each.field for each in template_checks.problems(kind, Text(channel, title, body, is_secret))]


@pytest.mark.parametrize(
    ("kind", "body", "wrong"),
    [
        (SERVICE, "{{ amount }}", []),
        (SERVICE, "没有变量", []),
        (SERVICE, "{{amount}} {{ account_tail }}", []),
        (SERVICE, "{{ amuont }}", ["body"]),
        (SERVICE, "{% load x %}", ["body"]),
        (SERVICE, "{# x #}", ["body"]),
        (SERVICE, "{{ Amount }}", ["body"]),  # would be sent as it stands
        (SERVICE, "{{ amount|upper }}", ["body"]),
        (SERVICE, "{{ amount", ["body"]),
        (LEGAL, "{{ account_tail }} {{ amount }}", []),
        (LEGAL, "{{ account_tail }}", ["body"]),
        (MARKETING, "{{ amount }} {{ way_out }}", []),
        (MARKETING, "{{ amount }}", ["body"]),
    ],
)
def test_bodies(kind: Kind, body: str, wrong: list[str]) -> None:
    assert fields(kind, body) == wrong


def test_what_is_wrong_is_named_with_what_may_be_used() -> None:
    [found] = template_checks.problems(SERVICE, Text("SMS", "", "{{ amuont }}", False))
    assert found.text == "这些变量没有值：amuont。可以使用：account_tail, amount"
    [found] = template_checks.problems(LEGAL, Text("SMS", "", "{{ amount }}", False))
    assert found.text == "法定通知必须写明：account_tail"


def test_titles() -> None:
    assert fields(SERVICE, "x", channel="EMAIL") == ["title"]
    assert fields(SERVICE, "x", channel="EMAIL", title="{{ amount }}") == []
    assert fields(SERVICE, "x", channel="INBOX", title="{{ b }}") == ["title"]


def test_secrets() -> None:
    assert fields(SECRET, "{{ code }}", is_secret=True) == []
    assert fields(SECRET, "{{ code }}") == ["is_secret"]
    assert fields(SECRET, "验证码", is_secret=True) == ["body"]
    assert fields(SERVICE, "x", is_secret=True) == ["is_secret"]


def test_every_kind_of_ours_has_a_text_that_would_be_accepted() -> None:
    for kind in kinds.everything():
        body = " ".join(f"{{{{ {name} }}}}" for name in sorted(kind.names))
        assert fields(kind, body, title="x", is_secret=kind.is_secret) == [], kind.code
