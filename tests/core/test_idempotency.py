from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.idempotency import IdempotencyConflict, check_same, digest

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=5), PLAIN, max_size=5))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))


def test_other_values_give_another_digest() -> None:
    inputs = [{"a": 1}, {"a": "1"}, {"a": None}, {}, {"b": 1}, {"a": [1]}, {"a": date(2026, 1, 1)}, [], ""]
    assert len({digest(value) for value in inputs}) == len(inputs)


def test_the_digest_stays_what_it_was() -> None:
    """It is stored: a change of the canonical form would refuse every repeated request of the day before."""
    assert (
        digest({"户号": "810", "a": 1}) == "444e1469cf106cad12d10f5d7f69cf567d5b44c4467af752eac3f4a6798d03eb"
    )


def test_the_same_input_passes_and_another_is_refused() -> None:
    check_same(digest({"a": 1}), digest({"a": 1}))
    with pytest.raises(IdempotencyConflict) as refused:
        check_same(digest({"a": 1}), digest({"a": 2}))
    assert (refused.value.code, refused.value.status) == ("IDEMPOTENCY_CONFLICT", 409)
