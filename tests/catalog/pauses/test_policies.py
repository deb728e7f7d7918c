"""A rule of pauses is written by two people and ends the one before it; what runs is never edited."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Region
from catalog.models import PausePolicy
from catalog.pauses.services import policies
from core import approvals, clock
from core.actor import Actor
from core.errors import Forbidden, HallError
from core.models import Approval
from tests.admin import build as staff
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
TODAY = clock.local_date(NOON)
RIGHTS = ("catalog.view_pausepolicy", "catalog.add_pausepolicy", "catalog.change_pausepolicy")


def ahead(days: int) -> date:
    return TODAY + timedelta(days=days)


def person(name: str = "clerk", *, region: Region | None = None) -> Actor:
    return Actor.user(staff.staff_with(*RIGHTS, username=name, region=region))


def ask(actor: Actor, **changes: Any) -> Approval:
    wanted: dict[str, Any] = {
        "region_id": None, "customer_kind": "", "least_days": 10, "most_days": 100, "times_a_year": 3,
        "active_from": ahead(5), "active_to": None, "reason": "新办法", "actor": actor, "as_of": NOON,
    }  # fmt: skip
    asked = policies.ask(**(wanted | changes)).approval
    assert asked is not None
    return asked


def approve(asked: Approval, actor: Actor, days: int = 0) -> None:
    at = NOON + timedelta(days=days)
    approvals.decide(approval_id=asked.pk, approve=True, actor=actor, reason="同意", as_of=at)


def test_one_writes_another_approves_and_the_one_before_ends() -> None:
    author, boss = person(), person("boss")
    old = PausePolicy.objects.get()
    asked = ask(author)
    with pytest.raises(approvals.OwnRequest):
        approve(asked, author)
    assert PausePolicy.objects.get() == old
    approve(asked, boss, days=7)
    old.refresh_from_db()
    new = PausePolicy.objects.exclude(pk=old.pk).get()
    assert (old.active_to, new.active_from, new.most_days) == (ahead(8), ahead(8), 100)
    end = policies.ask_end(
        policy_id=new.pk, ends_on=ahead(30), reason="试点结束", actor=author, as_of=NOON
    ).approval
    assert end is not None
    approve(end, boss)
    new.refresh_from_db()
    assert new.active_to == ahead(30)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"least_days": 0}, "PAUSE_POLICY_DAYS"),
        ({"least_days": 101}, "PAUSE_POLICY_DAYS"),
        ({"active_from": TODAY}, "PAUSE_POLICY_IN_THE_PAST"),
        ({"active_to": ahead(5)}, "PAUSE_POLICY_IN_THE_PAST"),
    ],
)
def test_what_cannot_be_written_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(HallError) as refused:
        ask(person(), **changes)
    assert refused.value.code == code
    assert not Approval.objects.exists()


def test_two_for_the_same_days_and_ends_that_are_over_are_refused() -> None:
    author, boss = person(), person("boss")
    approve(ask(author, active_from=ahead(9)), boss)
    with pytest.raises(HallError) as refused:
        ask(author)
    assert refused.value.code == "PAUSE_POLICY_OVERLAPS"
    old = PausePolicy.objects.order_by("active_from")[0]
    for day in (TODAY, ahead(9)):
        with pytest.raises(HallError) as refused:
            policies.ask_end(policy_id=old.pk, ends_on=day, reason="x", actor=author, as_of=NOON)
        assert refused.value.code == "PAUSE_POLICY_IN_THE_PAST"
    assert Approval.objects.filter(state="REQUESTED").count() == 0


def test_a_region_writes_its_own_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    east, west = (
        Region.objects.create(code=code, name=code, level=Region.Level.CITY, parent=staff.operator())
        for code in ("EAST", "WEST")
    )
    author = person(region=east)
    for elsewhere in (None, west.pk):
        with pytest.raises(Forbidden):
            ask(author, region_id=elsewhere)
    monkeypatch.setattr(clock, "now", lambda: NOON)
    client = Client()
    client.force_login(staff.staff_with(*RIGHTS, username="other", region=east))
    page = reverse("admin:catalog_pausepolicy_new")
    typed = {
        "region": "", "customer_kind": "", "least_days": "10", "most_days": "90", "times_a_year": "1",
        "active_from": ahead(5).isoformat(), "active_to": "", "reason": "东区",
    }  # fmt: skip
    for code in ("", "WEST", "NOWHERE"):
        assert client.post(page, typed | {"region": code}).status_code == 200
    assert not Approval.objects.exists()
    assert client.post(page, typed | {"region": "EAST"}).status_code == 302
    approve(Approval.objects.get(), author)
    assert PausePolicy.objects.get(region=east).most_days == 90


def test_what_runs_is_not_edited() -> None:
    client = Client()
    client.force_login(staff.staff_with(*RIGHTS))
    row = PausePolicy.objects.get()
    page = reverse("admin:catalog_pausepolicy_change", args=[row.pk])
    assert client.get(page).status_code == 200
    assert client.post(page, {"active_to": ahead(3).isoformat(), "reason": "x"}).status_code == 403
    assert client.get(reverse("admin:catalog_pausepolicy_add")).status_code == 403
    row.refresh_from_db()
    assert row.active_to is None


def test_what_lacks_its_data_is_not_granted() -> None:
    asked = Approval.objects.create(
        kind=policies.NEW, object_type="catalog.PausePolicy", object_id="0/", amount_cents=0, data={}, reason="x",
        requested_by="user:0", requested_at=NOON,
    )  # fmt: skip
    with pytest.raises(HallError) as refused:
        approve(asked, person("boss"))
    assert refused.value.code == "PAUSE_POLICY_INCOMPLETE"
    assert PausePolicy.objects.count() == 1
