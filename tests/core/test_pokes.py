import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from django.db import transaction

from core import pokes
from tests.threads import together

# The broker is one for all processes of a run side by side: each has names of its own.
TASK, QUEUE = f"tests.poked.{os.getpid()}", f"tests-poked-{os.getpid()}"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def empty_queue() -> Iterator[None]:
    pokes.broker.cache_clear()
    pokes.speak_again()
    pokes.broker().delete(QUEUE, f"poke:{TASK}")
    yield
    pokes.broker.cache_clear()
    pokes.speak_again()


def waiting() -> int:
    return int(pokes.broker().llen(QUEUE))


@pytest.fixture
def silent_broker(settings: Any) -> Iterator[None]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        pokes.broker.cache_clear()
        yield


def test_a_poke_reaches_the_broker_after_commit() -> None:
    with transaction.atomic():
        pokes.after_commit(TASK, queue=QUEUE)
        assert waiting() == 0
    assert waiting() == 1


def test_a_rolled_back_transaction_pokes_nobody() -> None:
    with transaction.atomic():
        pokes.after_commit(TASK, queue=QUEUE)
        transaction.set_rollback(True)
    assert waiting() == 0


def test_many_pokes_at_once_are_one_message() -> None:
    together(*[lambda: pokes.after_commit(TASK, queue=QUEUE)] * 8)
    assert waiting() == 1


def test_the_task_that_has_begun_can_be_poked_again() -> None:
    pokes.after_commit(TASK, queue=QUEUE)
    pokes.arrived(TASK)
    pokes.after_commit(TASK, queue=QUEUE)
    assert waiting() == 2


def test_a_mark_whose_message_was_lost_goes_away_by_itself() -> None:
    pokes.after_commit(TASK, queue=QUEUE)
    assert 0 < pokes.broker().pttl(f"poke:{TASK}") <= pokes.MARK_MS


@pytest.mark.usefixtures("broker_away")
def test_with_the_broker_away_the_customer_does_not_wait() -> None:
    started = time.monotonic()
    pokes.after_commit(TASK, queue=QUEUE)
    assert time.monotonic() - started < 0.5


@pytest.mark.usefixtures("silent_broker")
def test_a_broker_that_hangs_costs_half_a_second_once() -> None:
    started = time.monotonic()
    pokes.after_commit(TASK, queue=QUEUE)
    assert time.monotonic() - started < 1.0
    started = time.monotonic()
    for _ in range(100):
        pokes.after_commit(TASK, queue=QUEUE)
    assert time.monotonic() - started < 0.1


@pytest.mark.usefixtures("broker_away")
def test_a_task_begins_without_the_broker_too() -> None:
    pokes.arrived(TASK)


def test_the_broker_of_celery_and_ours_are_the_same(settings: Any) -> None:
    assert current_app.conf.broker_url == settings.REDIS_URL
