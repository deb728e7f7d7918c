"""fire_triggers killed at any moment, and started again: each is told once, all are told."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from django.conf import settings
from django.db import connection

from notices.models import Delivery, Message, Trigger
from notices.services import triggering
from notices.services.triggering import Job
from tests.billing import build
from tests.billing.test_large_bills import issue
from tests.conftest import NOON

pytestmark = pytest.mark.django_db(transaction=True)
BILLS = 600
AS_OF = "2026-11-18T12:00:00+08:00"


@contextmanager
def command() -> Iterator[subprocess.Popen[bytes]]:
    """fire_triggers as a process of its own on the test database."""
    database = connection.settings_dict
    place = f"{database['HOST'] or 'localhost'}:{database['PORT'] or 5432}"
    user = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
    environment = {**os.environ, "DATABASE_URL": f"postgresql://{user}@{place}/{database['NAME']}"}
    arguments = [sys.executable, "manage.py", "fire_triggers", "--as-of", AS_OF, "--skip-checks"]
    process = subprocess.Popen(arguments, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def told() -> int:
    return Message.objects.filter(code="bill_due_soon").count()


def wait_for(count: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while told() < count:
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_killed_run_is_finished_by_the_next() -> None:
    account = build.account(build.user())
    for number in range(BILLS):
        issue(
            account,
            "2026-10",
            100,
            source=f"test{number}",
            issued_on=date(2026, 11, 1),
            due_on=date(2026, 11, 21),
        )
    Trigger.objects.filter(code="bill_due").update(is_on=True)
    with command() as process:
        wait_for(1, process)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    left = told()
    assert 0 < left < BILLS
    assert left % triggering.CHUNK == 0  # a chunk is told whole or not at all
    counts = list(triggering.run(Job(as_of=NOON, code="bill_due")))[-1]
    assert (counts.told, counts.known, counts.failed) == (BILLS - left, left, 0)
    assert told() == BILLS
    assert Delivery.objects.filter(message__code="bill_due_soon").count() == 2 * BILLS
