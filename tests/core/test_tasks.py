import logging
from datetime import datetime

import pytest

from core import clock, heartbeats, logs
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
