"""Versions of prices: what closes what, what may be taken back, and that no day is left without one."""

from datetime import date, timedelta
from typing import Any

import pytest

from catalog.offers import errors
from catalog.offers.prices import Price
from catalog.offers.selectors import books
from catalog.offers.services import prices
from core.errors import HallError
from tests.catalog.offers import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
TOMORROW, LATER = date(2026, 11, 19), date(2026, 12, 1)


def spans(code: str) -> list[tuple[list[int], date, date | None]]:
    rows = Price.objects.filter(offer__code=code, withdrawn_at=None).order_by("active_from")
    return [(row.amounts_cents, row.active_from, row.active_to) for row in rows]


def amount(code: str, on: date) -> int:
    [found] = [
        rate.amounts_cents[0]
        for rate in books.book(None).rates[code, "PERIOD"]
        if rate.begins_on <= on and (rate.ends_on is None or on < rate.ends_on)
    ]
    return found


def test_a_new_version_closes_the_one_before_at_its_start() -> None:
    offer = build.published("basic", 2600)
    build.price(offer, 2800, active_from=LATER, as_of=NOON)
    assert spans("basic") == [([2600], build.BEGIN, LATER), ([2800], LATER, None)]
    assert (amount("basic", date(2026, 11, 30)), amount("basic", LATER)) == (2600, 2800)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"active_from": build.TODAY}, "PRICE_IN_THE_PAST"),
        ({"active_from": date(2026, 11, 1)}, "PRICE_IN_THE_PAST"),
        ({"amounts_cents": []}, "BAD_PRICE_AMOUNTS"),
        ({"amounts_cents": [-1]}, "BAD_PRICE_AMOUNTS"),
        ({"amounts_cents": [2600, 500]}, "NOT_PER_TERMINAL"),
        ({"active_to": TOMORROW}, "OFFER_OVER"),
        ({"active_to": LATER}, "OFFER_WITHOUT_PRICE"),
    ],
)
def test_a_price_that_is_refused_changes_nothing(given: dict[str, Any], code: str) -> None:
    offer = build.published("basic", 2600)
    before = spans("basic")
    asked: dict[str, Any] = {
        "offer_id": offer.pk,
        "amounts_cents": [2500],
        "active_from": TOMORROW,
        "as_of": NOON,
    }
    asked |= given
    with pytest.raises(HallError) as refusal:
        prices.add(**asked)
    assert refusal.value.code == code
    assert spans("basic") == before


def test_nothing_is_written_before_a_price_that_is_told_already() -> None:
    offer = build.published("basic", 2600)
    build.price(offer, 2800, active_from=LATER, as_of=NOON)
    with pytest.raises(errors.PriceAhead):
        build.price(offer, 2700, active_from=TOMORROW, as_of=NOON)
    assert len(spans("basic")) == 2


def test_a_price_is_taken_back_before_it_begins_and_the_old_one_goes_on() -> None:
    offer = build.published("basic", 2600)
    ahead = build.price(offer, 2800, active_from=LATER, as_of=NOON)
    prices.take_back(price_id=ahead.pk, as_of=NOON)
    assert spans("basic") == [([2600], build.BEGIN, None)]
    assert amount("basic", LATER) == 2600
    with pytest.raises(errors.AlreadyTakenBack):
        prices.take_back(price_id=ahead.pk, as_of=NOON)
    build.price(offer, 2700, active_from=LATER, as_of=NOON)
    assert amount("basic", LATER) == 2700


def test_a_price_that_has_begun_is_not_taken_back() -> None:
    offer = build.published("basic", 2600)
    with pytest.raises(errors.PriceHasBegun):
        prices.take_back(price_id=offer.prices.get().pk, as_of=NOON)
    assert spans("basic") == [([2600], build.BEGIN, None)]


def test_a_drafts_price_is_written_anew_for_the_same_day() -> None:
    offer = build.draft("basic")
    build.price(offer, 2600)
    build.price(offer, 2800)
    assert spans("basic") == [([2800], build.BEGIN, None)]
    assert Price.objects.filter(offer=offer).count() == 2


def test_terminals_have_prices_of_their_own_where_the_type_counts_them() -> None:
    offer = build.draft("tv", type=build.product_type("tv", is_per_terminal=True))
    assert build.price(offer, 2600, 500, 500).amounts_cents == [2600, 500, 500]


def test_slots_are_apart() -> None:
    place = build.region("E")
    offer = build.published("basic", 2600)
    build.price(offer, 2400, region_id=place.pk, active_from=LATER, as_of=NOON)
    build.price(offer, 2080, customer_kind="ENTERPRISE", active_from=LATER, as_of=NOON)
    assert len(spans("basic")) == 3
    assert Price.objects.get(region=None, customer_kind="").active_to is None


def test_two_versions_at_once_are_refused_by_the_database_itself() -> None:
    from django.db import IntegrityError, transaction

    from core.db import violated

    offer = build.published("basic", 2600)
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        Price.objects.create(
            offer=offer, amounts_cents=[1], active_from=LATER + timedelta(days=9), created_at=NOON
        )
    assert violated(refusal.value) == "price_one_at_a_time"
