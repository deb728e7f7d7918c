"""Figures for Prometheus: counted in the process (requests), or read from the database at the scrape (queues, jobs)."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import OperationalError, connection, transaction
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from core import clock
from core.models import Heartbeat, OutboxRow
from core.queues import Queue

log = logging.getLogger(__name__)
LEDGER_JOB = "check_ledgers"
_TIMEOUT_MS = 2_000  # a scrape must not become a burden when the database is slow

_requests = Counter("hall_http_requests", "Answers", ["method", "route", "status"])
_seconds = Histogram(
    "hall_http_request_seconds",
    "Time to answer",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
Figures = Callable[[datetime], Iterator[Metric]]
_queues: dict[str, Queue[Any]] = {}
_figures: list[Figures] = []


def register_queue(name: str, queue: Queue[Any]) -> None:
    """Shows depth, age and given-up rows of this queue table at /metrics; called where the queue is declared."""
    if _queues.setdefault(name, queue) != queue:
        raise ValueError(f"two queues named {name}")


def queues() -> dict[str, Queue[Any]]:
    """All queue tables, by name."""
    return dict(_queues)


def register_figures(read: Figures) -> None:
    """Shows a room's own figures at /metrics. `read` is asked at the scrape, and left out when it takes too long."""
    if read not in _figures:
        _figures.append(read)


@lru_cache(maxsize=4096)  # looking a labelled child up costs more than counting
def _children(method: str, route: str, status: int) -> tuple[Any, Any]:
    return _requests.labels(method, route, str(status)), _seconds.labels(route)


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """`route` is the pattern of the URL map, never the path, so that the number of series stays small."""
    counter, histogram = _children(method, route, status)
    counter.inc()
    histogram.observe(seconds)


def exposition() -> bytes:
    """The whole text of /metrics. With several web processes set PROMETHEUS_MULTIPROC_DIR (an empty folder)."""
    return generate_latest(_processes()) + generate_latest(_database())


def _processes() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
    return registry


def _database() -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(DatabaseCollector())
    return registry


class DatabaseCollector(Collector):
    """Reads the figures at the scrape; hall_database_up says 0, and the rest is left out, when it cannot."""

    def collect(self) -> Iterable[Metric]:
        found: list[Metric] = []
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = %s", [_TIMEOUT_MS])
                for figures in (_queue_figures, _outbox_figures, _heartbeat_figures, *_figures):
                    found += _unless_slow(figures, clock.now())
            up = 1
        except Exception:  # whatever keeps us from the database is the figure
            up = 0
        return [GaugeMetricFamily("hall_database_up", "1: it answers", up), *found]


def _unless_slow(figures: Figures, now: datetime) -> list[Metric]:
    """What takes too long is left out, with a line in the log; the other figures are still told."""
    try:
        with transaction.atomic():
            return list(figures(now))
    except OperationalError:
        if connection.connection is None or connection.connection.closed:
            raise
        log.exception("figures left out of the scrape")
        return []


def _queue_figures(now: datetime) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "hall_queue_waiting", "Rows that wait, leased ones included", labels=["queue"]
    )
    oldest = GaugeMetricFamily(
        "hall_queue_oldest_due_seconds", "How long the oldest row is due", labels=["queue"]
    )
    given_up = GaugeMetricFamily("hall_queue_given_up", "Rows that a person must look at", labels=["queue"])
    for name, queue in _queues.items():
        depth = queue.depth(as_of=now)
        waiting.add_metric([name], depth.waiting)
        oldest.add_metric([name], depth.oldest_due.total_seconds())
        given_up.add_metric([name], depth.given_up)
    yield from (waiting, oldest, given_up)


def _outbox_figures(now: datetime) -> Iterator[Metric]:
    rows = GaugeMetricFamily("hall_outbox_rows", "News not carried out yet", labels=["state"])
    for state in (OutboxRow.State.PENDING, OutboxRow.State.DEAD):
        rows.add_metric([state.lower()], OutboxRow.objects.filter(state=state).count())
    due = OutboxRow.objects.filter(state=OutboxRow.State.PENDING, next_attempt_at__lte=now)
    first = due.order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()
    age = (now - first).total_seconds() if first else 0.0
    yield rows
    yield GaugeMetricFamily("hall_outbox_oldest_due_seconds", "How long the oldest news is due", age)


def _heartbeat_figures(now: datetime) -> Iterator[Metric]:
    age = GaugeMetricFamily("hall_job_age_seconds", "Time since the job's last end", labels=["job"])
    every = GaugeMetricFamily("hall_job_every_seconds", "How often it should run", labels=["job"])
    ok = GaugeMetricFamily("hall_job_ok", "1: its last run ended well", labels=["job"])
    ledgers = GaugeMetricFamily("hall_ledgers_agree", "1: the last ledger check found no difference")
    differing = GaugeMetricFamily("hall_ledger_differences", "What the last ledger check found to differ")
    for row in Heartbeat.objects.exclude(last_finished_at=None):
        assert row.last_finished_at is not None
        age.add_metric([row.job], (now - row.last_finished_at).total_seconds())
        every.add_metric([row.job], row.expected_every_seconds)
        ok.add_metric([row.job], float(row.last_ok))
        if row.job == LEDGER_JOB:
            ledgers.add_metric([], float(row.last_ok))
            differing.add_metric([], float(row.detail.get("differences", 0)))
    yield from (age, every, ok, ledgers, differing)
