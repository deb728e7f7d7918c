"""What goes on by itself is told of ahead, once per term."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command

from catalog.models import Subscription
from catalog.orders.services import renewals
from notices.models import Message
from tests.catalog.orders import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 18)


def at(day: date) -> datetime:
    return NOON + (day - TODAY)


def run(day: date) -> renewals.Counts:
    [*_, counts] = renewals.run(renewals.Job(as_of=at(day)))
    return counts


def subscribed(**more: Any) -> Subscription:
    """A quarter, begun today and paid with the order: further terms begin on 18 February, 18 May …"""
    user, account = build.home()
    build.credit(account, 9000)
    given: dict[str, Any] = {"cycle": "TERM", "term_months": 3, "is_renewed": True} | more
    build.ordered(user, account, build.offer("quarter", 9000, **given))
    return Subscription.objects.get()


def test_seven_days_ahead_and_once_per_term() -> None:
    subscribed()
    assert run(date(2027, 2, 10)).told == 0
    assert run(date(2027, 2, 11)).told == 1
    [context] = build.told("renewal_ahead")
    assert (context["day"], context["amount"]) == ("2027-02-18", "¥90.00")
    assert context["url"].endswith(f"/orders/cancel/?subscription={Subscription.objects.get().number}")
    again = run(date(2027, 2, 12))
    assert (again.told, again.known) == (0, 1)
    assert run(date(2027, 5, 11)).told == 1


def test_never_less_than_five_days_ahead_when_the_job_runs_daily() -> None:
    subscribed()
    told = [day for day in (date(2027, 2, 1) + timedelta(days=n) for n in range(17)) if run(day).told]
    assert told == [date(2027, 2, 11)]
    assert (date(2027, 2, 18) - told[0]).days >= 5


def test_what_ends_or_was_asked_to_end_is_not_told_of() -> None:
    subscribed(is_renewed=False)
    assert run(date(2027, 2, 11)).touched == 0


def test_nobody_is_told_of_what_he_has_cancelled() -> None:
    held = subscribed()
    user = held.account.memberships.get().user
    build.cancelled(user, held, as_of=at(date(2027, 2, 1)))
    held.refresh_from_db()
    assert held.ends_on == date(2027, 2, 18)
    assert run(date(2027, 2, 11)).touched == 0


def test_without_a_phone_it_is_counted() -> None:
    held = subscribed()
    held.account.contacts.all().delete()
    assert run(date(2027, 2, 11)).unreachable == 1


def test_a_dry_run_tells_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    subscribed()
    when = at(date(2027, 2, 11)).isoformat()
    call_command("remind_renewals", "--as-of", when, "--dry-run", "--json")
    assert '"told": 1' in capsys.readouterr().out
    assert not Message.objects.filter(code="renewal_ahead").exists()
    call_command("remind_renewals", "--as-of", when, "--limit", "1")
    assert Message.objects.filter(code="renewal_ahead").count() == 1
