"""Staff lower bills and give penalties up: alone to a limit, above it in pairs; rules change for days to come only."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from billing.models import Adjustment, Bill, PenaltyPolicy, PenaltyWaiver
from core import clock
from core.models import Approval, ApprovalState, AuditRow
from tests.admin.build import staff_with
from tests.billing import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 18)
LATE = date(2026, 1, 1)  # due on 2026-01-31


def act(client: Client, bill: Bill, name: str, amount: str) -> None:
    address = reverse("admin:billing_bill_act", args=[name]) + f"?ids={bill.pk}"
    answer = client.post(address, {"reason": "客户申诉成立", "amount": amount})
    assert answer.status_code in (200, 302)


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


def staff(*permissions: str) -> Client:
    client = Client()
    client.force_login(staff_with(*permissions))
    return client


@pytest.mark.parametrize(("name", "model"), [("adjust", Adjustment), ("waive-penalty", PenaltyWaiver)])
def test_a_clerk_gives_up_a_little_alone(name: str, model: Any) -> None:
    bill = build.bill(build.account(), 9900, issued_on=LATE)
    act(staff("billing.change_bill"), bill, name, "10.00")
    assert model.objects.get().amount_cents == 1000
    assert AuditRow.objects.filter(reason="客户申诉成立").exists()
    assert build.books_are_right()


@pytest.mark.parametrize(
    ("name", "model", "cents"), [("adjust", Adjustment, 20_000), ("waive-penalty", PenaltyWaiver, 10_001)]
)
def test_more_takes_two(name: str, model: Any, cents: int) -> None:
    bill = build.bill(build.account(), 99_000, issued_on=LATE)
    act(staff("billing.change_bill"), bill, name, f"{cents / 100:.2f}")
    assert not model.objects.exists()
    asked = Approval.objects.get()
    assert (asked.state, asked.amount_cents) == (ApprovalState.REQUESTED, cents)
    assert build.books_are_right()


@pytest.mark.parametrize(
    ("name", "amount"), [("adjust", "99.01"), ("adjust", "0"), ("waive-penalty", "99.00"), ("adjust", "一百")]
)
def test_too_much_changes_nothing(name: str, amount: str) -> None:
    bill = build.bill(build.account(), 9900, issued_on=LATE)
    act(staff("billing.change_bill"), bill, name, amount)
    assert not Adjustment.objects.exists()
    assert not PenaltyWaiver.objects.exists()
    bill.refresh_from_db()
    assert bill.open_cents == 9900


def test_who_may_only_look_is_refused() -> None:
    bill = build.bill(build.account(), 9900, issued_on=LATE)
    address = reverse("admin:billing_bill_act", args=["adjust"]) + f"?ids={bill.pk}"
    assert staff("billing.view_bill").post(address, {"reason": "xx", "amount": "1"}).status_code == 403
    assert not Adjustment.objects.exists()


def rule(client: Client, **changes: Any) -> int:
    data = {
        "region": "",
        "daily_rate_ppm": "1000",
        "grace_days": "3",
        "cap_percent": "50",
        "active_from": (TODAY + timedelta(days=1)).isoformat(),
        "active_to": "",
        "reason": "调整费率",
        **changes,
    }
    return client.post(reverse("admin:billing_penaltypolicy_add"), data).status_code


def test_a_new_rule_is_for_days_to_come() -> None:
    client = staff("billing.add_penaltypolicy", "billing.view_penaltypolicy")
    assert rule(client, active_from=TODAY.isoformat()) == 200
    assert PenaltyPolicy.objects.count() == 1
    assert rule(client) == 302
    assert PenaltyPolicy.objects.order_by("id").last().daily_rate_ppm == 1000  # type: ignore[union-attr]
    assert AuditRow.objects.filter(reason="调整费率").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"daily_rate_ppm": 1},
        {"cap_percent": 1},
        {"grace_days": 1},
        {"active_from": date(2020, 1, 1)},
        {"active_to": date(2026, 1, 2)},
    ],
)
def test_what_has_held_is_never_changed(change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        PenaltyPolicy.objects.update(**change)
    policy = PenaltyPolicy.objects.get()
    assert (policy.daily_rate_ppm, policy.cap_percent, policy.active_to) == (3000, 100, None)


def test_a_rule_ends_from_tomorrow_on() -> None:
    ends = NOON.date().replace(year=NOON.year + 50)
    PenaltyPolicy.objects.update(active_to=ends)
    assert PenaltyPolicy.objects.get().active_to == ends
