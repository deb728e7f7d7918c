"""The job that ends pauses on their day and tells of it before: once, and only what is still paused."""

import json
from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from accounts.models import BillingAccount, User
from catalog.choices import SuspensionReason
from catalog.holdings.services import suspensions
from catalog.holdings.services.steps import Outcome
from catalog.models import Pause, Subscription, Suspension
from catalog.pauses.services import ending, pauses
from catalog.pauses.tasks import end_pauses
from core import clock
from core.models import Heartbeat
from tests.catalog.charging import build as charging
from tests.catalog.pauses import build
from tests.catalog.pauses.build import LATER

pytestmark = pytest.mark.django_db
SOON = LATER - ending.NOTICE


@pytest.fixture
def asked() -> tuple[User, BillingAccount, Subscription, Pause]:
    user, account = build.home()
    row = build.line(account)
    return user, account, row, build.paused(user, row)


Asked = tuple[User, BillingAccount, Subscription, Pause]


def test_on_again_on_its_day_and_not_before(asked: Asked) -> None:
    _user, _account, row, _pause = asked
    build.run(LATER - timedelta(days=1))
    assert build.is_off(row)
    assert build.run(LATER).ended == 1
    off = Suspension.objects.get()
    assert (off.ends_on, off.closed_by) == (LATER, ending.ACTOR.ref)
    assert [context["day"] for context in build.told("pause_ended")] == ["2027年1月10日"]
    assert build.run(LATER).touched == 0
    assert len(build.told("pause_ended")) == 1


def test_told_three_days_before_and_once(asked: Asked) -> None:
    pause = asked[3]
    assert build.run(SOON - timedelta(days=1)).touched == 0
    assert build.run(SOON).told == 1
    assert build.run(SOON + timedelta(days=1)).touched == 0
    (context,) = build.told("pause_ending")
    assert context["resume_on"] == "2027年1月10日"
    pause.refresh_from_db()
    assert pause.told_at == charging.noon(SOON)


def test_a_late_run_ends_it_on_its_own_day_and_announces_nothing(asked: Asked) -> None:
    late = LATER + timedelta(days=2)
    assert (build.run(late).ended, build.told("pause_ending")) == (1, [])
    assert Suspension.objects.get().ends_on == late


def test_who_resumed_himself_is_left_alone(asked: Asked) -> None:
    user, _account, row, pause = asked
    build.resumed(user, row, as_of=charging.noon(date(2026, 12, 1)))
    assert build.run(SOON).touched == build.run(LATER).touched == 0
    after = charging.noon(LATER)
    assert pauses.end_if_due(pause=pause, actor=ending.ACTOR, as_of=after) == Outcome.ALREADY_DONE
    assert pauses.remind(pause=pause, as_of=after) == Outcome.ALREADY_DONE
    assert Suspension.objects.get().ends_on == date(2026, 12, 1)


def test_off_for_arrears_it_stays_off(asked: Asked) -> None:
    row = asked[2]
    suspensions.suspend(
        number=row.number,
        reason=SuspensionReason.ARREARS,
        actor=charging.ACTOR,
        as_of=charging.noon(date(2026, 12, 20)),
    )
    assert build.run(LATER).ended == 1
    assert list(Suspension.objects.filter(ends_on=None).values_list("reason", flat=True)) == ["ARREARS"]
    assert build.told("pause_ended") == []


def test_one_that_fails_leaves_the_others_alone(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    user, account = build.home()
    other = build.line(account, build.offer("other"))
    build.paused(user, other)
    real = suspensions.resume

    def broken(*, number: str, **more: object) -> object:
        if number == other.number:
            raise RuntimeError("the far system is on fire")
        return real(number=number, **more)  # type: ignore[arg-type]  # what was given

    monkeypatch.setattr(suspensions, "resume", broken)
    counts = build.run(LATER)
    assert (counts.ended, counts.failed) == (1, 1)
    assert build.is_off(other)
    assert not build.is_off(asked[2])


def test_the_command_counts_and_a_dry_run_changes_nothing(asked: Asked) -> None:
    _user, account, row, _pause = asked
    out = StringIO()
    as_of = charging.noon(LATER).isoformat()
    call_command("end_pauses", "--as-of", as_of, "--dry-run", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"ended": 1, "told": 0, "unchanged": 0, "failed": 0}
    assert build.is_off(row)
    call_command("end_pauses", "--as-of", as_of, "--account", "nobody", stdout=out)
    assert build.is_off(row)
    call_command("end_pauses", "--as-of", as_of, "--account", account.number, stdout=out)
    assert not build.is_off(row)


def test_the_scheduled_run_leaves_its_heartbeat(asked: Asked) -> None:
    with clock.stopped(charging.noon(LATER)):
        assert end_pauses() == 1
    assert Heartbeat.objects.get(job=ending.JOB).last_ok
