"""The board of arrears: exact figures of a small hall, nothing of another region, few statements."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import BillingAccount, Contact, Region
from arrears.choices import Stage
from arrears.models import ArrearsCase, ExemptionReason
from arrears.selectors import board
from arrears.services import exemptions
from catalog.models import Subscription
from core import clock
from core.scopes import everything
from notices.models import Delivery, DeliveryState, Failure
from tests.admin import build as staff
from tests.arrears import build
from tests.arrears.build import ACTOR, after, noon
from tests.billing import build as money

pytestmark = pytest.mark.django_db
URL, STUCK_URL = "admin:arrears_arrearscase_board", "admin:arrears_arrearscase_unreachable"


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> date:
    """The 24th day past due."""
    monkeypatch.setattr(clock, "now", lambda: noon(after(24)))
    return after(24)


def region(code: str) -> Region:
    return Region.objects.create(code=code, name=code, level=Region.Level.CITY, parent=staff.operator())


def owing(
    place: Region, *, days: tuple[int, ...] = (-3, 1), cents: int = 2600, **more: Any
) -> BillingAccount:
    """Its only bill is overdue; judged on these days since it was due, everything told arriving that day."""
    account = build.account(**more)
    account.region = place
    account.save(update_fields=["region"])
    build.bill(account, cents)
    for n in days:
        build.one(account, after(n))
        build.deliver(after(n))
    return account


def as_staff(place: Region | None = None, *permissions: str) -> Client:
    client = Client()
    names = permissions or ("arrears.view_arrearscase", "arrears.view_exemption", "notices.view_delivery")
    client.force_login(staff.staff_with(*names, region=place))
    return client


def figures(place: board.Place) -> dict[str, tuple[int, int]]:
    return {stage: (each.cases, each.cents) for stage, each in place.stages.items() if each.cases}


def test_cases_by_stage_and_region_with_what_they_owe() -> None:
    east, west = region("EAST"), region("WEST")
    owing(east)
    owing(east, days=(-3, 1, 23), cents=1000)
    disputed = owing(west, days=(-3, 1, 23), cents=500)
    build.bill(disputed, 70, due_on=after(5))
    total, places = board.by_stage(everything)
    assert figures(total) == {"OVERDUE": (1, 2600), "SUSPEND_WARNED": (2, 1570)}
    assert [(each.name, figures(each)) for each in places] == [
        ("EAST", {"OVERDUE": (1, 2600), "SUSPEND_WARNED": (1, 1000)}),
        ("WEST", {"SUSPEND_WARNED": (1, 570)}),
    ]
    assert (total.total.cases, total.total.cents) == (3, 4170)


def test_steps_that_the_day_brings(today: date) -> None:
    east = region("EAST")
    owing(east, days=(-3, 1))  # should be warned since yesterday
    held = owing(east, days=(-3, 1))
    exemptions.ask(
        account_id=held.pk, reason=ExemptionReason.HARDSHIP, note="x", active_from=today, active_to=after(30),
        actor=ACTOR, as_of=noon(today),
    )  # fmt: skip
    owing(east, days=(-3, 1, 24))  # was warned today
    found = {
        step.stage: (step.taken, step.due, step.held) for step in board.steps(everything, as_of=noon(today))
    }
    assert found[Stage.SUSPEND_WARNED] == (1, 2, 1)
    assert found[Stage.SUSPENDED] == (0, 0, 0)
    later = {step.stage: step.due for step in board.steps(everything, as_of=noon(after(32)))}
    assert later[Stage.SUSPENDED] == 1


def test_whom_nobody_can_reach_and_what_to_do(today: date) -> None:
    east = region("EAST")
    owing(east, days=(-3, 1, 23))  # told, will be off in time
    lost = owing(east, phones=0)
    dead = owing(east, days=(-3, 1), phones=1)
    build.one(dead, after(23))
    Delivery.objects.filter(message__code="suspension_ahead", state=DeliveryState.QUEUED).update(
        state=DeliveryState.FAILED, failure=Failure.HARD
    )
    accounts = [each.subject.account_id for each in board.unreachable(everything, as_of=noon(after(40)))]
    assert accounts == [lost.pk, dead.pk]
    monkey = pytest.MonkeyPatch()
    monkey.setattr(clock, "now", lambda: noon(after(40)))
    page = as_staff(east).get(reverse(STUCK_URL))
    monkey.undo()
    text = page.content.decode()
    assert page.context["count"] == 2
    assert "没有联系方式，也没有地址" in text
    assert "空号或无效地址，又没有邮寄地址" in text
    assert Contact.objects.get(account=dead).value[3:] not in text


def test_saved_by_payment_counts_what_was_paid_before_the_next_stage() -> None:
    east = region("EAST")
    paid = owing(east, days=(-3, 1))
    build.pay(paid, 2600, after(2))
    build.one(paid, after(2))
    later = owing(east, days=(-3, 1, 23))
    build.pay(later, 2600, after(24))
    build.one(later, after(24))
    owing(east, days=(-3, 1))
    months, regions = board.saved(everything, first=date(2026, 1, 1), after=date(2027, 1, 1))
    march = months[date(2026, 3, 1)]
    assert {stage: (each.paid, each.reached) for stage, each in march.items()} == {
        "REMINDED": (0, 5), "OVERDUE": (1, 3), "SUSPEND_WARNED": (1, 1),
    }  # fmt: skip  # who pays late has a penalty bill, and a case of it
    assert march["OVERDUE"].permille == 333
    assert list(regions) == ["EAST"]
    assert board.total(months.values()) == march
    page = as_staff().get(reverse(URL), {"month": "2026-03"}).content.decode()
    assert "33.3%" in page


def test_failed_notices_and_exemptions_that_end(today: date) -> None:
    east = region("EAST")
    account = owing(east)
    build.one(account, after(23))
    waiting = Delivery.objects.filter(state=DeliveryState.QUEUED)
    count = waiting.update(state=DeliveryState.FAILED)
    for days in (7, 8):
        exemptions.ask(
            account_id=account.pk, reason=ExemptionReason.HARDSHIP, note="x", active_from=today,
            active_to=today + timedelta(days=days), actor=ACTOR, as_of=noon(today),
        )  # fmt: skip
    page = as_staff(east).get(reverse(URL))
    assert page.context["failed"]["count"] == count > 0
    assert [row.active_to for row in page.context["ending"]] == [today + timedelta(days=7)]


def test_staff_of_a_see_nothing_of_b() -> None:
    east, west = region("EAST"), region("WEST")
    owing(east)
    theirs = owing(west, phones=0)
    client = as_staff(east)
    for name in (URL, STUCK_URL):
        text = client.get(reverse(name)).content.decode()
        assert "WEST" not in text
        assert theirs.number not in text
    context = client.get(reverse(URL)).context
    assert context["total"]["total"].cases == 1
    assert (context["stuck"], [each["name"] for each in context["places"]]) == (0, ["EAST"])


def test_who_may_not_look_at_cases_is_refused() -> None:
    client = as_staff(None, "arrears.view_exemption")
    for name in (URL, STUCK_URL):
        assert client.get(reverse(name)).status_code == 403
    assert "催缴看板" not in client.get(reverse("admin:index")).content.decode()


def test_as_many_statements_for_one_account_as_for_many() -> None:
    east, client = region("EAST"), as_staff()
    counts: dict[str, list[int]] = {URL: [], STUCK_URL: []}
    for more in (1, 4):
        for _account in range(more):
            owing(east, phones=0)
            owing(east, days=(-3, 1, 23))
        for name, seen in counts.items():
            client.get(reverse(name))
            with CaptureQueriesContext(connection) as queries:
                assert client.get(reverse(name)).status_code == 200
            seen.append(len(queries))
    assert ArrearsCase.objects.count() == 10
    assert counts[URL][0] == counts[URL][1] <= 40
    assert counts[STUCK_URL][0] == counts[STUCK_URL][1] <= 30


def test_who_has_no_line_is_due_for_nothing() -> None:
    account = owing(region("EAST"), days=(-3, 1))
    due = [each.stage for each in board.steps(everything, as_of=noon(after(40))) if each.due]
    assert due == [Stage.SUSPEND_WARNED]
    Subscription.objects.filter(payer=account).update(payer=money.account())
    assert not any(each.due for each in board.steps(everything, as_of=noon(after(40))))
