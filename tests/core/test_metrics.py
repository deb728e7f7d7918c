import dataclasses
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from prometheus_client.parser import text_string_to_metric_families

from core import clock, heartbeats, metrics
from core.queues import Depth
from tests.core.queue_rows import QUEUE, add

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def own_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_queues", {})


def figures(as_of: datetime) -> dict[tuple[str, tuple[str, ...]], float]:
    """(name, label values) → value, as Prometheus reads it."""
    with clock.stopped(as_of):
        families = text_string_to_metric_families(metrics.exposition().decode())
        return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}


@pytest.mark.django_db
def test_queues_show_depth_age_and_given_up(as_of: datetime) -> None:
    metrics.register_queue("tests", QUEUE)
    add(2, as_of=as_of, next_attempt_at=as_of - MINUTE)
    add(1, as_of=as_of, state="DEAD")
    found = figures(as_of)
    assert found[("hall_queue_waiting", ("tests",))] == 2
    assert found[("hall_queue_oldest_due_seconds", ("tests",))] == 60
    assert found[("hall_queue_given_up", ("tests",))] == 1
    assert found[("hall_outbox_rows", ("pending",))] == 2
    assert found[("hall_outbox_rows", ("dead",))] == 1
    assert found[("hall_outbox_oldest_due_seconds", ())] == 60


@pytest.mark.django_db
def test_jobs_show_when_they_last_ended_and_how(as_of: datetime) -> None:
    with heartbeats.beat("tests.job", every=MINUTE, as_of=as_of):
        pass
    with pytest.raises(KeyError), heartbeats.beat(metrics.LEDGER_JOB, every=MINUTE, as_of=as_of):
        raise KeyError
    found = figures(as_of + 2 * MINUTE)
    assert 110 < found[("hall_job_age_seconds", ("tests.job",))] <= 120
    assert found[("hall_job_every_seconds", ("tests.job",))] == 60
    assert found[("hall_job_ok", ("tests.job",))] == 1
    assert found[("hall_job_ok", (metrics.LEDGER_JOB,))] == 0
    assert found[("hall_ledgers_agree", ())] == 0


@pytest.mark.django_db
def test_before_the_first_ledger_check_nothing_is_claimed(as_of: datetime) -> None:
    found = figures(as_of)
    assert ("hall_ledgers_agree", ()) not in found
    assert found[("hall_database_up", ())] == 1


def test_without_the_database_the_rest_is_still_told(as_of: datetime) -> None:
    metrics.count_request("GET", "tests/", 200, 0.02)
    found = figures(as_of)
    assert found[("hall_database_up", ())] == 0
    assert not [name for name, _ in found if name.startswith(("hall_queue", "hall_outbox", "hall_job"))]
    assert found[("hall_http_requests_total", ("GET", "tests/", "200"))] >= 1


@pytest.mark.django_db
def test_figures_that_take_too_long_are_left_out_alone(
    as_of: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow:
        def depth(self, *, as_of: datetime) -> Depth:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(5)")
            raise AssertionError("unreachable")

    monkeypatch.setattr(metrics, "_TIMEOUT_MS", 50)
    monkeypatch.setattr(metrics, "_queues", {"slow": Slow()})
    found = figures(as_of)
    assert (found[("hall_database_up", ())], found[("hall_outbox_rows", ("dead",))]) == (1, 0)
    assert ("hall_queue_waiting", ("slow",)) not in found


def test_one_name_is_one_queue() -> None:
    metrics.register_queue("tests", QUEUE)
    metrics.register_queue("tests", QUEUE)
    with pytest.raises(ValueError, match="tests"):
        metrics.register_queue("tests", dataclasses.replace(QUEUE, task="tests.other"))


def test_several_web_processes_are_added_up(tmp_path: Path) -> None:
    """Each process counts in a file of the shared folder; whoever is scraped answers for all."""
    count = "metrics.count_request('GET', 'tests/', 200, 0.02)"
    scrape = "print(metrics.exposition().decode())"
    program = "import django; django.setup(); from core import metrics; {}"
    environ = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for code in (count, count, scrape):
        done = subprocess.run(
            [sys.executable, "-c", program.format(code)],
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
    assert 'hall_http_requests_total{method="GET",route="tests/",status="200"} 2.0' in done.stdout
