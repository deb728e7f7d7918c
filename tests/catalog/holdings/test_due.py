import io
import json
from typing import Any

import pytest
from django.core.management import call_command

from catalog.holdings import tasks
from catalog.holdings.services import due, subscriptions
from catalog.holdings.services.subscriptions import Wanted
from catalog.models import Subscription, SubscriptionHistory
from core import clock
from core.models import Heartbeat
from resources.models import Command
from tests.billing import build as money
from tests.catalog.holdings import build
from tests.catalog.holdings.build import ACTOR, day, noon
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
HOW: Any = {"actor": ACTOR, "as_of": NOON}
FIRST = noon(day(12, 1))


def ending(n: int = 1) -> list[Subscription]:
    rows = [build.held(what=build.offer(entitlements=("HD",))) for _ in range(n)]
    for row in rows:
        slip = build.slip(row.account)
        subscriptions.set_end(number=row.number, on=day(12, 1), slip_id=slip.pk, **HOW)
    return rows


def beginning(**more: Any) -> Subscription:
    wanted = Wanted(offer_id=build.offer(**more).pk, begins_on=day(12, 1))
    return subscriptions.begin(account_id=money.account().pk, wanted=wanted, **HOW)


def run(**job: Any) -> dict[str, int]:
    *_, last = due.run(due.Job(**{"as_of": FIRST} | job))
    return last.as_json()


def test_what_is_due_is_done_once() -> None:
    [over], plain, switched = ending(), beginning(), beginning(entitlements=("SPORT",))
    assert run(as_of=NOON)["ended"] == 0
    counts = run()
    assert (counts["ended"], counts["begun"], counts["waiting"]) == (1, 1, 1)
    states = [build.state(row) for row in (over, plain, switched)]
    assert states == ["TERMINATED", "ACTIVE", "PENDING"]
    before = (Command.objects.count(), SubscriptionHistory.objects.count())
    again = run()
    assert (again["ended"], again["begun"], again["waiting"]) == (0, 0, 1)
    assert before == (Command.objects.count(), SubscriptionHistory.objects.count())
    build.switch(FIRST)
    assert (build.state(switched), switched.begins_on) == ("ACTIVE", day(12, 1))


def test_a_change_of_the_first_is_one_step_for_old_and_new() -> None:
    old, smaller = build.held(), build.offer(entitlements=("SD",))
    later = Wanted(offer_id=smaller.pk, begins_on=day(12, 1))
    new = subscriptions.turn(number=old.number, wanted=later, slip_id=build.change(old, smaller).pk, **HOW)
    assert run()["waiting"] == 2
    assert (build.state(old), build.state(new)) == ("ACTIVE", "PENDING")
    build.switch(FIRST)
    assert (build.state(old), build.state(new), old.ends_on) == ("TERMINATED", "ACTIVE", day(12, 1))


def test_an_end_without_evidence_is_refused_and_stops_nobody() -> None:
    imported = build.held()
    Subscription.objects.filter(pk=imported.pk).update(ends_on=day(12, 1))
    [over] = ending()
    counts = run()
    assert (counts["refused"], counts["ended"], counts["failed"]) == (1, 1, 0)
    assert (build.state(imported), build.state(over)) == ("ACTIVE", "TERMINATED")


def test_a_bug_is_one_row_s_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = ending(2)
    real = subscriptions.carry_out_end

    def broken(*, number: str, **more: Any) -> Any:
        if number == first.number:
            raise ZeroDivisionError
        return real(number=number, **more)

    monkeypatch.setattr(subscriptions, "carry_out_end", broken)
    counts = run()
    assert (counts["failed"], counts["ended"]) == (1, 1)
    assert (build.state(first), build.state(second)) == ("ACTIVE", "TERMINATED")


def test_a_dry_run_counts_and_changes_nothing() -> None:
    rows = ending(2)
    assert run(dry_run=True)["ended"] == 2
    assert [build.state(row) for row in rows] == ["ACTIVE", "ACTIVE"]


def test_it_can_be_narrowed_and_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "CHUNK", 1)
    rows = ending(3)
    assert run(stop=lambda: True)["ended"] == 0
    assert run(region_code="NOWHERE")["ended"] == 0
    assert run(account_number=rows[2].account.number)["ended"] == 1
    assert run(limit=1)["ended"] == 1
    assert [build.state(row) for row in rows] == ["TERMINATED", "ACTIVE", "TERMINATED"]


def test_the_command_tells_its_counts_and_ends_badly_when_one_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ending(2)
    out = io.StringIO()
    call_command("end_subscriptions", "--as-of", "2026-12-01T00:05", "--limit", "1", "--json", stdout=out)
    assert json.loads(out.getvalue())["ended"] == 1

    def broken(**_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(subscriptions, "carry_out_end", broken)
    with pytest.raises(SystemExit) as ended:
        call_command("end_subscriptions", "--as-of", "2026-12-01T00:05", stdout=io.StringIO())
    assert ended.value.code == 1


@pytest.mark.django_db(transaction=True)
def test_the_job_leaves_a_heartbeat() -> None:
    ending()
    with clock.stopped(FIRST):
        assert tasks.end_subscriptions() == 1
    beat = Heartbeat.objects.get(job=due.JOB)
    assert (beat.last_ok, beat.detail["ended"]) == (True, 1)
