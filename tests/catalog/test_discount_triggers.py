"""Discounts of so many months (a trial, an offer for new customers) are told of before they end: once each."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import translation

from catalog.models import Offer, Subscription
from catalog.notice_triggers import discount_ending
from notices.models import Message, Trigger
from notices.services import triggering
from notices.services.triggering import Counts, Job
from tests.billing import build as money
from tests.catalog.holdings import build as holdings
from tests.catalog.offers import build as offers
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
BEGUN = date(2026, 11, 18)  # the day of NOON
LAST = date(2027, 2, 17)  # of three months
IN_TIME = LAST - timedelta(days=15)


@pytest.fixture
def hd() -> Offer:
    return offers.published("hd-trial")


def trial(*of: Offer, code: str = "trial", **more: Any) -> None:
    given = {"months": 3, "is_for_new": True, "active_to": date(2026, 12, 1)} | more
    offers.published_rule(code, *of, **given)


def held(what: Offer, begins_on: date = BEGUN) -> Subscription:
    return holdings.held(money.account(money.user()), what, begins_on=begins_on)


def found(today: date) -> list[str]:
    return [each.key for each in discount_ending(-15, today, holdings.noon(today))]


@pytest.mark.parametrize(("days", "is_found"), [(-1, False), (0, True), (3, True), (4, False)])
def test_a_trial_is_found_on_its_day_and_when_the_job_was_late(hd: Offer, days: int, is_found: bool) -> None:
    trial(hd)
    row = held(hd)
    assert found(IN_TIME + timedelta(days=days)) == ([f"{row.number}:trial:2027-02-17"] if is_found else [])


def test_a_whole_type_may_have_it(hd: Offer) -> None:
    trial(type=hd.type)
    held(hd)
    assert len(found(IN_TIME)) == 1


def test_who_does_not_have_it_is_not_told(hd: Offer) -> None:
    trial(hd)
    trial(hd, code="others", months=3, customer_kinds=["ORGANISATION"])
    trial(hd, code="endless", months=0)
    held(hd, BEGUN - timedelta(days=1))  # before the offer began
    ending = held(hd)
    Subscription.objects.filter(pk=ending.pk).update(ends_on=LAST)
    assert found(IN_TIME) == []
    assert found(IN_TIME - timedelta(days=1)) == []


def test_what_does_not_last_beyond_its_own_time_ends_then(hd: Offer) -> None:
    trial(hd, is_for_new=False, active_to=date(2027, 1, 11))
    row = held(hd)
    assert found(IN_TIME) == []
    assert found(date(2027, 1, 10) - timedelta(days=15)) == [f"{row.number}:trial:2027-01-10"]


def test_it_is_told_once_with_its_name_and_its_last_day(hd: Offer) -> None:
    trial(hd, name="三个月试用")
    row = held(hd)
    assert Trigger.objects.get(code="discount_ending").is_on
    days = [IN_TIME + timedelta(days=n) for n in range(3)]
    done = [list(triggering.run(Job(as_of=holdings.noon(day))))[-1] for day in days]
    assert done == [Counts(told=1), Counts(known=1), Counts(known=1)]
    message = Message.objects.get(code="term_ending")
    assert message.recipient_ref == f"account:{row.account.number}"
    body = message.deliveries.get(channel="SMS").body
    assert f"{hd.name} 的优惠“三个月试用” 将于 2027年2月17日 到期" in body


def test_english_readers_get_its_english_name(hd: Offer) -> None:
    trial(hd, name_en="Three months on trial")
    row = held(hd)
    reader = row.account.memberships.get().user
    type(reader).objects.filter(pk=reader.pk).update(language="en")
    (each,) = discount_ending(-15, IN_TIME, NOON)
    with translation.override("en"):
        assert "Three months on trial" in each.context["what"]
