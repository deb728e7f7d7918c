import logging
from datetime import datetime

import pytest
from celery import current_app
from django.conf import settings

from core import clock, heartbeats, logs, outbox, pokes, tasks
from core.models import Heartbeat, OutboxRow
from core.tasks import dispatch_outbox, tick
from tests.core.queue_rows import add


@pytest.mark.django_db
def test_the_task_works_the_outbox_off(as_of: datetime) -> None:
    for key in "abc":
        add(1, as_of=as_of, key=key)
    with clock.stopped(as_of):
        assert dispatch_outbox() == 3
    assert set(OutboxRow.objects.values_list("attempts", flat=True)) == {1}  # nobody is "tests.nobody"


@pytest.mark.django_db(transaction=True)
def test_a_long_backlog_is_worked_off_in_turns(as_of: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that is over leaves the rest, and a message for the next turn."""
    monkeypatch.setattr(tasks, "_TURN_SECONDS", 0.0)
    pokes.speak_again()
    pokes.broker().delete(f"poke:{outbox.TASK}")
    for number in range(60):
        add(1, as_of=as_of, key=f"k{number}")
    with clock.stopped(as_of):
        assert dispatch_outbox() == 50
    assert pokes.flush(5)
    assert pokes.broker().exists(f"poke:{outbox.TASK}") == 1
    assert OutboxRow.objects.filter(attempts=0).count() == 10


@pytest.mark.django_db
@pytest.mark.usefixtures("broker_away")
def test_the_task_does_not_need_the_broker(as_of: datetime) -> None:
    with clock.stopped(as_of):
        assert dispatch_outbox() == 0


@pytest.mark.django_db
def test_the_tick_is_a_heartbeat(as_of: datetime) -> None:
    with clock.stopped(as_of):
        tick()
    assert Heartbeat.objects.get(pk=heartbeats.TICK).last_ok is True


@pytest.mark.django_db
def test_lines_of_a_task_carry_its_name_and_id() -> None:
    formatter = logs.JsonFormatter()
    seen: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(formatter.format(record))

    logger, handler = logging.getLogger("core.outbox"), Keep()
    logger.addHandler(handler)
    try:
        add(1, as_of=clock.now(), key="k")
        dispatch_outbox.apply(task_id="the-task-id")
    finally:
        logger.removeHandler(handler)
    assert any(
        '"task_id": "the-task-id"' in line and '"task": "core.dispatch_outbox"' in line for line in seen
    )
    assert logs.task.get() is None


def test_no_task_runs_longer_than_the_broker_waits_for_its_end() -> None:
    """Beyond that the broker hands the task out again, beside the one that is still at work."""
    current_app.loader.import_default_modules()
    ours = {name: task for name, task in current_app.tasks.items() if not name.startswith("celery.")}
    assert {"billing.check_ledgers", "notices.send_deliveries"} <= ours.keys()
    patience = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    assert [name for name, task in ours.items() if not 0 < (task.time_limit or 0) < patience] == []
