"""Every job of the schedule is missed when it stays away."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from celery import current_app, states
from celery.schedules import crontab

from core import clock, heartbeats
from core.models import Heartbeat
from hall.upkeep import schedule


@pytest.fixture(autouse=True, scope="module")
def tasks_are_loaded() -> None:
    current_app.loader.import_default_modules()


@pytest.mark.parametrize(
    ("when", "longest"),
    [
        (10.0, timedelta(seconds=10)),
        (timedelta(minutes=3), timedelta(minutes=3)),
        (crontab(hour=3, minute=30), timedelta(days=1)),
        (crontab(minute=20), timedelta(hours=1)),
        (crontab(minute="*/10"), timedelta(minutes=10)),
        (crontab(10, "8-20"), timedelta(hours=12)),
        (crontab(minute="0,20"), timedelta(minutes=40)),
    ],
)
def test_the_longest_pause(when: Any, longest: timedelta) -> None:
    assert schedule.interval(when) == longest


def test_every_entry_is_a_task_that_is_there_and_is_expected() -> None:
    expected = heartbeats.expected()
    for task in schedule.scheduled():
        assert task in current_app.tasks, task
        assert schedule.OWN.get(task, task) in expected, task


def test_own_heartbeats_belong_to_scheduled_tasks() -> None:
    assert set(schedule.OWN) <= set(schedule.scheduled())


@pytest.mark.django_db
def test_a_job_that_never_ran_is_missed(as_of: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "_installed_at", lambda: as_of - timedelta(days=9))
    missed = {silence.job for silence in heartbeats.silent(as_of=as_of)}
    assert {schedule.OWN.get(task, task) for task in schedule.scheduled()} <= missed


@pytest.fixture
def nothing_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "_written", {})


def _ended(name: str, state: str = states.SUCCESS) -> None:
    schedule._task_ended(task=current_app.tasks[name], state=state)


@pytest.mark.django_db
@pytest.mark.usefixtures("nothing_written")
def test_the_end_of_a_task_is_its_heartbeat(as_of: datetime) -> None:
    with clock.stopped(as_of):
        _ended("billing.purge")
    row = Heartbeat.objects.get(pk="billing.purge")
    assert (row.last_finished_at, row.last_ok, row.expected_every_seconds) == (as_of, True, 86_400)


@pytest.mark.django_db
@pytest.mark.usefixtures("nothing_written")
def test_a_failure_is_told_at_once_and_a_sweeper_writes_seldom(
    as_of: datetime, django_assert_num_queries: Any
) -> None:
    name = "billing.apply_callbacks"
    with clock.stopped(as_of):
        _ended(name)
    with django_assert_num_queries(0):
        _ended(name)
    _ended(name, states.FAILURE)
    assert not Heartbeat.objects.get(pk=name).last_ok


@pytest.mark.django_db
@pytest.mark.usefixtures("nothing_written")
def test_tasks_with_a_heartbeat_of_their_own_or_outside_the_schedule_get_none() -> None:
    for name in (*schedule.OWN, "billing.tell_debit_ends"):
        _ended(name)
    assert not Heartbeat.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("nothing_written")
def test_real_runs_are_noticed() -> None:
    current_app.tasks["core.withdraw_old_approvals"].apply()
    assert Heartbeat.objects.filter(pk="core.withdraw_old_approvals", last_ok=True).exists()
