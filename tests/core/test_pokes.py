import os
import socket
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
    assert pokes.flush(5)
    pokes.broker.cache_clear()
    pokes.speak_again()
    pokes.broker().delete(QUEUE, f"poke:{TASK}")
    yield
    assert pokes.flush(5)
    pokes.broker.cache_clear()
    pokes.speak_again()


def waiting() -> int:
    assert pokes.flush(5)
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
    assert waiting() == 1
    pokes.arrived(TASK)
    pokes.after_commit(TASK, queue=QUEUE)
    assert waiting() == 2


def test_a_mark_whose_message_was_lost_goes_away_by_itself() -> None:
    pokes.after_commit(TASK, queue=QUEUE)
    assert waiting() == 1
    assert 0 < pokes.broker().pttl(f"poke:{TASK}") <= pokes.MARK_MS


@pytest.mark.usefixtures("broker_away")
def test_with_the_broker_away_the_pokes_are_given_up() -> None:
    pokes.after_commit(TASK, queue=QUEUE)
    assert pokes.flush(2)


@pytest.mark.usefixtures("silent_broker")
def test_a_broker_that_hangs_holds_nobody_up() -> None:
    """Control: carrying it takes as long as the broker is waited for; whoever commits does not notice."""
    for _ in range(100):
        pokes.after_commit(TASK, queue=QUEUE)
    assert not pokes.flush(0.05)
    assert pokes.flush(2)


def test_pokes_that_come_while_one_is_carried_are_carried_once_more() -> None:
    """None is lost between the look at what is wanted and the sleep."""
    for _ in range(200):
        pokes.after_commit(TASK, queue=QUEUE)
        pokes.arrived(TASK)
    assert waiting() >= 1


def test_a_forked_child_pokes_with_a_thread_of_its_own() -> None:
    pokes.after_commit(TASK, queue=QUEUE)
    assert waiting() == 1
    pokes.arrived(TASK)
    child = os.fork()
    if child == 0:
        pokes.broker.cache_clear()
        pokes._carrier.take(TASK, QUEUE)
        os._exit(0 if pokes.flush(5) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert waiting() == 2


@pytest.mark.usefixtures("broker_away")
def test_a_task_begins_without_the_broker_too() -> None:
    pokes.arrived(TASK)


def test_the_broker_of_celery_and_ours_are_the_same(settings: Any) -> None:
    assert current_app.conf.broker_url == settings.REDIS_URL
