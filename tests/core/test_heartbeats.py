from datetime import datetime, timedelta

import pytest
from django.db import transaction

from core import heartbeats
from core.models import Heartbeat

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def nothing_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "_expected", {})


@pytest.mark.django_db
def test_a_run_leaves_its_times_and_counts(as_of: datetime) -> None:
    with heartbeats.beat("tests.job", every=HOUR, as_of=as_of) as run:
        assert Heartbeat.objects.get().last_finished_at is None
        run.detail["done"] = 3
    row = Heartbeat.objects.get()
    assert (row.job, row.expected_every_seconds, row.last_ok) == ("tests.job", 3600, True)
    assert row.last_started_at == as_of
    assert row.last_finished_at is not None
    assert timedelta(0) <= row.last_finished_at - as_of < timedelta(seconds=10)
    assert row.detail == {"done": 3}


@pytest.mark.django_db
def test_a_failed_run_is_kept_as_failed_and_its_error_goes_on(as_of: datetime) -> None:
    with (
        pytest.raises(ValueError, match="13800000001"),
        heartbeats.beat("tests.job", every=HOUR, as_of=as_of),
    ):
        raise ValueError("13800000001")
    row = Heartbeat.objects.get()
    assert (row.last_ok, row.detail) == (False, {"error": "ValueError"})


@pytest.mark.django_db
def test_a_job_that_found_something_wrong_says_so_itself(as_of: datetime) -> None:
    with heartbeats.beat("tests.job", every=HOUR, as_of=as_of) as run:
        run.ok = False
    assert Heartbeat.objects.get().last_ok is False


@pytest.mark.django_db
def test_the_next_good_run_makes_it_good_again(as_of: datetime) -> None:
    for bad in (True, False):
        try:
            with heartbeats.beat("tests.job", every=HOUR, as_of=as_of):
                if bad:
                    raise KeyError
        except KeyError:
            pass
    assert Heartbeat.objects.get().last_ok is True


@pytest.mark.django_db(transaction=True)
def test_start_and_end_stand_even_when_the_job_rolls_back(as_of: datetime) -> None:
    with (
        pytest.raises(RuntimeError, match="job"),
        heartbeats.beat("tests.job", every=HOUR, as_of=as_of),
        transaction.atomic(),
    ):
        raise RuntimeError("job")
    assert Heartbeat.objects.get().last_ok is False


@pytest.mark.django_db(transaction=True)
def test_a_beat_inside_a_transaction_is_refused(as_of: datetime) -> None:
    with (
        pytest.raises(RuntimeError, match="durable"),
        transaction.atomic(),
        heartbeats.beat("tests.job", every=HOUR, as_of=as_of),
    ):
        pass


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("after", "silent"), [(3 * HOUR, []), (3 * HOUR + timedelta(minutes=1), ["tests.job"])]
)
def test_a_job_is_silent_after_three_of_its_intervals(
    as_of: datetime, after: timedelta, silent: list[str]
) -> None:
    with heartbeats.beat("tests.job", every=HOUR, as_of=as_of):
        pass
    assert [silence.job for silence in heartbeats.silent(as_of=as_of + after)] == silent


@pytest.mark.django_db
def test_a_job_that_hangs_is_silent_too(as_of: datetime) -> None:
    Heartbeat.objects.create(job="tests.hangs", expected_every_seconds=3600, last_started_at=as_of)
    found = heartbeats.silent(as_of=as_of + 4 * HOUR)
    assert [(silence.job, silence.last_finished_at) for silence in found] == [("tests.hangs", None)]


@pytest.mark.django_db
def test_an_expected_job_that_never_ran_is_silent_once_it_must_have_been_due() -> None:
    heartbeats.expect("tests.never", every=HOUR)
    installed = heartbeats._installed_at()
    assert installed is not None
    assert heartbeats.silent(as_of=installed + 2 * HOUR) == []
    assert heartbeats.silent(as_of=installed + 4 * HOUR) == [heartbeats.Silence("tests.never", HOUR, None)]
