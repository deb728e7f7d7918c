from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command

from core import checks, clock, heartbeats, workdays
from core.models import CalendarDay, Heartbeat

UNKNOWN = max(workdays._known_years()) + 1


def in_month(month: int) -> datetime:
    return datetime(UNKNOWN - 1, month, 2, tzinfo=UTC)


def ids() -> list[str | None]:
    return [message.id for message in checks.next_year_is_known()]


@pytest.mark.django_db
@pytest.mark.parametrize(("month", "found"), [(9, []), (10, ["core.W001"]), (12, ["core.W001"])])
def test_from_october_on_next_years_holidays_are_missed(month: int, found: list[str]) -> None:
    with clock.stopped(in_month(month)):
        assert ids() == found


@pytest.mark.django_db
def test_a_year_that_the_package_knows_is_fine() -> None:
    with clock.stopped(in_month(12) - timedelta(days=366)):
        assert ids() == []


@pytest.mark.django_db
def test_a_year_entered_by_hand_is_fine() -> None:
    CalendarDay.objects.create(day=date(UNKNOWN, 1, 1), is_working=False)
    with clock.stopped(in_month(11)):
        assert ids() == []


def test_without_a_database_the_check_still_answers() -> None:
    with clock.stopped(in_month(11)):
        assert ids() == ["core.W001"]


@pytest.mark.django_db
def test_a_silent_job_is_complained_about_when_the_database_is_asked(
    as_of: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeats, "_expected", {})
    Heartbeat.objects.create(job="tests.job", expected_every_seconds=60, last_finished_at=as_of)
    with clock.stopped(as_of + timedelta(minutes=4)):
        [message] = checks.jobs_are_heard_of(databases=["default"])
        assert (message.id, "tests.job" in message.msg) == ("core.W002", True)
        assert checks.jobs_are_heard_of(databases=None) == []
    with clock.stopped(as_of + timedelta(minutes=2)):
        assert checks.jobs_are_heard_of(databases=["default"]) == []


@pytest.mark.django_db
def test_the_command_runs_them_without_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with clock.stopped(in_month(11)):
        call_command("check", databases=["default"])
        assert "core.W001" not in capsys.readouterr().err  # every command would begin with it
        call_command("check", deploy=True, databases=["default"], fail_level="CRITICAL")
    assert "core.W001" in capsys.readouterr().err
