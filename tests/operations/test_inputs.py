"""The way from a channel to the form and from the form to the slip."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.http import QueryDict

from accounts.models import BillingAccount
from operations import inputs
from operations.api.describe import describe_field
from operations.context import Context
from tests.operations.toys import Toy


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("a", ["a"]),
        (3, ["3"]),
        (26.5, ["26.5"]),
        (True, ["true"]),
        (False, ["false"]),
        (["a", 1, True], ["a", "1", "true"]),
        ([], []),
        ([{"a": 1}], ['[{"a": 1}]']),
        ({"字": [1]}, ['{"字": [1]}']),
    ],
)
def test_json_becomes_what_a_browser_would_post(value: Any, texts: list[str]) -> None:
    assert inputs.as_posted({"field": value}).getlist("field") == texts


def test_null_is_left_out_and_a_posted_form_stays() -> None:
    assert "field" not in inputs.as_posted({"field": None})
    assert inputs.as_posted(QueryDict("a=1&a=2")).getlist("a") == ["1", "2"]


def test_several_answers_to_one_question_are_none(ctx: Context) -> None:
    with pytest.raises(inputs.InvalidInput) as caught:
        inputs.validate(Toy(), ctx, QueryDict("pieces=1&pieces=2&colour=red&extras=bow&extras=card"))
    assert set(caught.value.fields) == {"pieces"}


def test_the_hash_tells_inputs_apart_and_not_their_order() -> None:
    def of(raw: dict[str, Any], digest: str = "d", **confirmation: str) -> str:
        return inputs.input_hash(raw, quote_digest=digest, confirmation=confirmation)

    assert of({"a": 1, "b": "2"}) == of({"b": 2, "a": "1"})
    different = [
        of({"a": 1}),
        of({"a": 2}),
        of({"b": 1}),
        of({"a": [1, 1]}),
        of({"a": 1}, "e"),
        of({"a": 1}, code="1"),
    ]
    assert len(set(different)) == len(different)


def test_what_a_slip_keeps_is_plain(account: BillingAccount) -> None:
    user = account.memberships.get().user
    cleaned = {
        "account": account,
        "accounts": BillingAccount.objects.all(),
        "user": user,
        "on": date(2026, 11, 18),
        "at": datetime(2026, 11, 18, tzinfo=UTC),
        "amount": Decimal("1.50"),
        "lines": ({"code": "A", "count": 2},),
        "nothing": None,
        "password": "open sesame",
    }
    assert inputs.kept(Toy(), cleaned) == {
        "account": "8100000001",
        "accounts": ["8100000001"],
        "user": str(user.pk),
        "on": "2026-11-18",
        "at": "2026-11-18T00:00:00+00:00",
        "amount": "1.50",
        "lines": [{"code": "A", "count": 2}],
        "nothing": None,
    }


def test_choices_in_groups_are_described_without_them() -> None:
    class Grouped(forms.Form):
        place = forms.ChoiceField(choices=[("", "请选择"), ("东", [("1", "一"), ("2", "二")]), ("3", "三")])

    found = describe_field(Grouped(), "place")
    assert [choice["value"] for choice in found["choices"]] == ["1", "2", "3"]
