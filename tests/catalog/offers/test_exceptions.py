"""One account pays another price: two people, a reason, an end, and never for days gone by."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from catalog.offers.prices import PriceException
from catalog.offers.selectors import books
from catalog.offers.services import price_exceptions
from core import approvals
from core.actor import Actor
from core.errors import HallError
from core.models import Approval
from tests.admin import build as staff
from tests.catalog.offers import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
LATER, MUCH_LATER = date(2026, 12, 1), date(2027, 6, 1)


class Desk:
    """Two members of staff at one place, an account there, and an offer."""

    def __init__(self) -> None:
        self.place = build.region("E")
        self.account, self.offer = build.account(self.place), build.published("basic", 2600)
        self.clerk = staff.staff_with(price_exceptions.ASK, username="asks", region=self.place)
        self.chief = staff.staff_with(price_exceptions.DECIDE, username="decides", region=self.place)

    def ask(self, *, as_of: datetime = NOON, **more: Any) -> approvals.Outcome:
        given: dict[str, Any] = {
            "account_number": self.account.number,
            "offer_id": self.offer.pk,
            "charge": "PERIOD",
            "amount_cents": 1300,
            "active_from": LATER,
            "active_to": MUCH_LATER,
            "reason": "低保户",
            "actor": Actor.user(self.clerk),
        }
        return price_exceptions.ask(**(given | more), as_of=as_of)

    def decide(self, outcome: approvals.Outcome, *, as_of: datetime = NOON, by: Any = None) -> None:
        assert outcome.approval is not None
        approvals.decide(
            approval_id=outcome.approval.pk,
            approve=True,
            actor=Actor.user(by or self.chief),
            reason="属实",
            as_of=as_of,
        )


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_nobody_grants_it_alone(desk: Desk) -> None:
    outcome = desk.ask()
    assert not PriceException.objects.exists()
    with pytest.raises(approvals.OwnRequest):
        desk.decide(outcome, by=desk.clerk)
    desk.decide(outcome)
    row = PriceException.objects.get()
    assert (row.amount_cents, row.active_from, row.active_to, row.reason) == (
        1300,
        LATER,
        MUCH_LATER,
        "低保户",
    )
    assert row.approval == outcome.approval
    [known] = books.customer(desk.account.pk, build.TODAY).exceptions
    assert (known.offer, known.amount_cents, known.begins_on) == ("basic", 1300, LATER)


def test_a_late_decision_reaches_back_to_no_day(desk: Desk) -> None:
    outcome = desk.ask(active_from=build.TODAY)
    desk.decide(outcome, as_of=NOON + timedelta(days=20))
    assert PriceException.objects.get().active_from == date(2026, 12, 8)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"account_number": "nobody"}, "EXCEPTION_WITHOUT_ACCOUNT"),
        ({"active_to": LATER}, "EXCEPTION_PERIOD"),
        ({"active_from": date(2026, 1, 1), "active_to": build.TODAY}, "EXCEPTION_PERIOD"),
        ({"amount_cents": -1}, "BAD_PRICE_AMOUNTS"),
    ],
)
def test_what_makes_no_sense_is_not_asked_for(desk: Desk, given: dict[str, Any], code: str) -> None:
    with pytest.raises(HallError) as refusal:
        desk.ask(**given)
    assert refusal.value.code == code
    assert not desk.account.price_exceptions.exists()
    assert not Approval.objects.exists()


def test_not_for_a_draft(desk: Desk) -> None:
    with pytest.raises(HallError) as refusal:
        desk.ask(offer_id=build.draft().pk)
    assert refusal.value.code == "NOT_PUBLISHED"


def test_two_for_the_same_days_are_refused_and_the_request_stays(desk: Desk) -> None:
    desk.decide(desk.ask())
    second = desk.ask(amount_cents=100)
    with pytest.raises(HallError) as refusal:
        desk.decide(second)
    assert refusal.value.code == "EXCEPTION_OVERLAPS"
    assert PriceException.objects.count() == 1
    assert second.approval is not None
    second.approval.refresh_from_db()
    assert second.approval.state == "REQUESTED"


def test_it_ends_early_from_tomorrow_on(desk: Desk) -> None:
    desk.decide(desk.ask())
    row = PriceException.objects.get()
    for day in (build.TODAY, LATER, MUCH_LATER):
        with pytest.raises(HallError):
            price_exceptions.end(exception_id=row.pk, ends_on=day, as_of=NOON)
    ended = price_exceptions.end(exception_id=row.pk, ends_on=date(2026, 12, 2), as_of=NOON)
    assert ended.active_to == date(2026, 12, 2)
