"""How a customer stands: one tier at a time, segments from day to day, nothing for days that are over."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Customer, Segment, SegmentMembership, Standing
from accounts.services import standing
from core.db import violated
from core.errors import NotFound
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
TODAY, LATER = date(2026, 11, 18), date(2026, 12, 1)


@pytest.fixture
def customer() -> Customer:
    return Customer.objects.create(number="C1", name="张伟", created_at=NOON)


def gold(customer: Customer, *, on: date = TODAY, tier: str = "GOLD") -> Standing:
    return standing.set_standing(
        customer_id=customer.pk, tier=tier, credit_days=5, active_from=on, as_of=NOON
    )


def tiers(customer: Customer) -> list[tuple[str, date, date | None]]:
    rows = Standing.objects.filter(customer=customer).order_by("active_from")
    return list(rows.values_list("tier", "active_from", "active_to"))


def test_a_new_tier_ends_the_one_before(customer: Customer) -> None:
    gold(customer)
    gold(customer, on=LATER, tier="DIAMOND")
    assert tiers(customer) == [("GOLD", TODAY, LATER), ("DIAMOND", LATER, None)]
    assert Standing.objects.on(TODAY).get().tier == "GOLD"
    assert Standing.objects.on(LATER).get().tier == "DIAMOND"


def test_the_same_again_changes_nothing(customer: Customer) -> None:
    assert gold(customer) == gold(customer)
    assert gold(customer, on=LATER) == gold(customer)
    assert len(tiers(customer)) == 1


def test_no_tier_is_given_for_days_that_are_over(customer: Customer) -> None:
    with pytest.raises(standing.StandingInThePast):
        gold(customer, on=TODAY - timedelta(days=1))
    assert tiers(customer) == []


def test_what_is_arranged_for_later_stands_in_the_way(customer: Customer) -> None:
    gold(customer, on=LATER)
    with pytest.raises(standing.StandingAlready):
        gold(customer, tier="SILVER")
    assert tiers(customer) == [("GOLD", LATER, None)]


def test_a_tier_ends_on_a_day_to_come(customer: Customer) -> None:
    with pytest.raises(NotFound):
        standing.end_standing(customer_id=customer.pk, on=LATER, as_of=NOON)
    gold(customer)
    with pytest.raises(standing.StandingInThePast):
        standing.end_standing(customer_id=customer.pk, on=TODAY - timedelta(days=1), as_of=NOON)
    standing.end_standing(customer_id=customer.pk, on=LATER, as_of=NOON)
    assert tiers(customer) == [("GOLD", TODAY, LATER)]


def test_the_database_knows_one_tier_a_day(customer: Customer) -> None:
    gold(customer)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Standing.objects.create(customer=customer, tier="SILVER", active_from=LATER)
    assert violated(refused.value) == "standing_one_at_a_time"


def test_nobody_stands_who_is_not_there() -> None:
    with pytest.raises(NotFound):
        standing.set_standing(customer_id=0, tier="GOLD", active_from=TODAY, as_of=NOON)


@pytest.fixture
def segment() -> Segment:
    return Segment.objects.create(code="KIDS", name="亲子家庭", reason="因为您家有小朋友")


def join(customer: Customer, *, on: date = TODAY, code: str = "KIDS") -> SegmentMembership:
    return standing.join_segment(
        customer_id=customer.pk, segment_code=code, source="test", active_from=on, as_of=NOON
    )


def test_who_joins_belongs_until_he_leaves(customer: Customer, segment: Segment) -> None:
    first = join(customer)
    assert join(customer, on=LATER) == first
    standing.leave_segment(customer_id=customer.pk, segment_code="KIDS", on=LATER, as_of=NOON)
    first.refresh_from_db()
    assert first.active_to == LATER
    again = join(customer, on=LATER)
    assert (again.active_from, SegmentMembership.objects.count()) == (LATER, 2)


def test_what_cannot_be_said_of_segments(customer: Customer, segment: Segment) -> None:
    with pytest.raises(standing.UnknownSegment):
        join(customer, code="NONE")
    with pytest.raises(standing.StandingInThePast):
        join(customer, on=TODAY - timedelta(days=1))
    with pytest.raises(NotFound):
        standing.leave_segment(customer_id=customer.pk, segment_code="KIDS", on=LATER, as_of=NOON)
    join(customer, on=LATER)
    with pytest.raises(standing.StandingAlready):
        join(customer)
    with pytest.raises(standing.StandingInThePast):
        standing.leave_segment(
            customer_id=customer.pk, segment_code="KIDS", on=TODAY - timedelta(days=1), as_of=NOON
        )
    assert SegmentMembership.objects.count() == 1
