"""Lines on paper: JSON and back, and the digest."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.pricing import as_json, digest, from_json
from catalog.pricing.types import Line
from tests.catalog.pricing.build import nov

LINE = Line("tv/PERIOD/gold", "S1", "tv", "PERIOD", -600, nov(1), date(2026, 12, 1), "gold", 2)
OTHER = replace(LINE, code="tv/PERIOD", amount_cents=2600, rule="")


@given(st.builds(Line))
def test_a_line_comes_back_from_json_as_it_was(line: Line) -> None:
    assert from_json(as_json(line)) == line


@pytest.mark.parametrize(
    "broken", [{"code": "x"}, {**as_json(LINE), "begins_on": "then"}, {**as_json(LINE), "x": 1}]
)
def test_anything_else_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_json(broken)


def test_the_digest_is_of_what_is_charged() -> None:
    assert digest([]) == "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
    assert digest([LINE, OTHER]) == digest([OTHER, replace(LINE, ref="new:tv")])


@pytest.mark.parametrize(
    "changed",
    [
        replace(LINE, amount_cents=-601),
        replace(LINE, code="tv/PERIOD/silver"),
        replace(LINE, begins_on=nov(2)),
        replace(LINE, ends_on=nov(30)),
        replace(LINE, terminal=1),
    ],
)
def test_any_other_charge_has_another_digest(changed: Line) -> None:
    assert digest([changed]) != digest([LINE])
    assert digest([LINE, LINE]) != digest([LINE])
