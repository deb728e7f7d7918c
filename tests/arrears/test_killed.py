"""assess_arrears killed at any moment, and started again, or two of it at once: as if it had run once, undisturbed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import BillingAccount
from arrears.models import ArrearsCase, CaseNotice, StageChange
from arrears.services import bulk_assessing
from catalog.choices import SuspensionReason
from catalog.models import Suspension
from notices.models import Delivery, Message
from tests.arrears import build
from tests.arrears.build import after, noon

pytestmark = pytest.mark.django_db(transaction=True)
ACCOUNTS = 48
BLOCK = 4  # accounts, so that a small population is many transactions

_COMMAND = """
import sys
import django
django.setup()
from arrears.services import bulk_assessing
bulk_assessing.BLOCK = int(sys.argv[1])
from django.core.management import call_command
call_command("assess_arrears", "--as-of", sys.argv[2], "--json", *sys.argv[3:])
"""


@contextmanager
def command(on: date, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The daily pass as a process of its own on the test database."""
    known = connection.settings_dict
    user = known["USER"] + (f":{known['PASSWORD']}" if known["PASSWORD"] else "")
    url = f"postgresql://{user}@{known['HOST'] or 'localhost'}:{known['PORT'] or 5432}/{known['NAME']}"
    arguments = [sys.executable, "-c", _COMMAND, str(BLOCK), noon(on).isoformat(), *options]
    process = subprocess.Popen(
        arguments, cwd=settings.BASE_DIR, env=os.environ | {"DATABASE_URL": url}, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def population() -> list[BillingAccount]:
    """Half of them reach SUSPENDED on day 31, with their lines; the others are new on that day."""
    made = []
    for n in range(ACCOUNTS):
        account = build.account(phones=1)
        build.line(account)
        build.bill(account, due_on=build.DUE if n % 2 else after(34))
        made.append(account)
    for n in (-3, 1, 23, 30):
        build.run(after(n))
        build.deliver(after(n))
    return made


def written(accounts: list[BillingAccount]) -> list[Any]:
    """What is kept of each account, in order, without ids, public numbers and the moments of the run."""
    found = []
    for account in accounts:
        cases = ArrearsCase.objects.filter(account=account).order_by("pk")
        off = Suspension.objects.filter(subscription__payer=account, reason=SuspensionReason.ARREARS)
        found.append(
            [
                [(case.stage, case.stage_since, case.highest_stage, case.owed_cents) for case in cases],
                list(
                    StageChange.objects.filter(case__in=cases)
                    .order_by("pk")
                    .values_list("from_stage", "to_stage", "on", "reason", "owed_cents")
                ),
                sorted(
                    (each.rule.template_code, each.contact_ref.split(":")[0], each.told_on)
                    for each in CaseNotice.objects.filter(case__in=cases).select_related("rule")
                ),
                sorted(
                    Message.objects.filter(recipient_ref=f"account:{account.number}").values_list(
                        "code", flat=True
                    )
                ),
                Delivery.objects.filter(message__recipient_ref=f"account:{account.number}").count(),
                sorted(off.values_list("begins_on", "ends_on")),
            ]
        )
    return found


def changed() -> int:
    return StageChange.objects.filter(on=after(31)).count()


def wait_for(count: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 120
    while changed() < count:
        assert process.poll() is None, "ended before it could be stopped"
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def undisturbed() -> list[Any]:
    """What one whole pass over such a population writes; of each kind of account it is the same."""
    made = population()
    build.run(after(31))
    return written(made)


def test_killed_in_the_middle_the_next_run_ends_where_one_run_would_have(undisturbed: list[Any]) -> None:
    made = population()
    before = changed()
    with command(after(31)) as process:
        wait_for(before + BLOCK, process)
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
    left = changed() - before
    assert 0 < left < ACCOUNTS
    assert left % BLOCK == 0  # a block is done whole or not at all
    with command(after(31)) as process:
        out, _err = process.communicate(timeout=200)
    assert process.returncode == 0
    assert json.loads(out)["failed"] == 0
    assert written(made) == undisturbed
    with command(after(31)) as process:
        out, _err = process.communicate(timeout=200)
    counts = json.loads(out)
    assert counts.pop("looked") == 2 * ACCOUNTS
    assert set(counts.values()) == {0}
    assert written(made) == undisturbed


def test_two_processes_divide_the_work_and_write_nothing_twice(undisturbed: list[Any]) -> None:
    made = population()
    with command(after(31)) as one, command(after(31)) as other:
        counts = [json.loads(each.communicate(timeout=200)[0]) for each in (one, other)]
        assert (one.returncode, other.returncode) == (0, 0)
    assert written(made) == undisturbed
    assert sum(each["opened"] for each in counts) == ACCOUNTS // 2
    assert sum(each["moved"] for each in counts) == ACCOUNTS // 2
    assert sum(each["failed"] for each in counts) == 0


def test_sigterm_ends_it_after_its_block_and_the_rest_is_done_later(undisturbed: list[Any]) -> None:
    made = population()
    before = changed()
    with command(after(31)) as process:
        wait_for(before + BLOCK, process)
        process.send_signal(signal.SIGTERM)
        out, _err = process.communicate(timeout=200)
    assert process.returncode == 0
    counts = json.loads(out)
    left = changed() - before
    assert counts["opened"] + counts["moved"] == left
    assert 0 < left < ACCOUNTS
    for _counts in bulk_assessing.run(bulk_assessing.Job(as_of=noon(after(31)))):
        pass
    assert written(made) == undisturbed
