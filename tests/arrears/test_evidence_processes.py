"""Sealers as processes of their own: killed in the middle, stopped, two at once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connection

from arrears.models import EvidenceRoot, EvidenceSeal, SealedRow
from arrears.selectors import evidence_checks
from notices.models import Message
from tests.arrears import build
from tests.arrears.build import after, noon

LAST = after(60)
ACCOUNTS, ENOUGH = 60, 6
PATIENCE = 120  # seconds; a busy machine starts Python slowly
pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def sealer() -> Iterator["subprocess.Popen[bytes]"]:
    """seal_evidence on the test database, in small chunks."""
    database = connection.settings_dict
    place = f"{database['HOST'] or 'localhost'}:{database['PORT'] or 5432}"
    user = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
    environment = {**os.environ, "DATABASE_URL": f"postgresql://{user}@{place}/{database['NAME']}"}
    arguments = [sys.executable, "manage.py", "seal_evidence", "--as-of", noon(LAST).isoformat()]
    process = subprocess.Popen(
        [*arguments, "--chunk", "2", "--skip-checks"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def town() -> None:
    for _n in range(ACCOUNTS):
        ref = f"account:{build.account().number}"
        for day in range(3):
            Message.objects.create(
                code="bill_overdue",
                recipient_ref=ref,
                dedupe_key=f"{ref} {day}",
                created_at=noon(after(day)),
            )


def wait_for_seals(process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + PATIENCE
    while EvidenceSeal.objects.count() < ENOUGH:
        assert process.poll() is None, "ended before it could be ended"
        assert time.monotonic() < end
        time.sleep(0.002)


def is_whole() -> bool:
    """Every account has one seal over its three messages, and one root holds all."""
    rows = SealedRow.objects.count(), SealedRow.objects.values("table_name", "row_id").distinct().count()
    root = EvidenceRoot.objects.get()
    seals = EvidenceSeal.objects.filter(sequence=1, rows=3, previous="").count()
    faults = list(evidence_checks.everything(today=LAST))
    return (rows, root.seals, seals, faults) == ((3 * ACCOUNTS, 3 * ACCOUNTS), ACCOUNTS, ACCOUNTS, [])


def end_all(count: int) -> list[int]:
    """So many at once, to their ends: their exit codes."""
    if not count:
        return []
    with sealer() as process:
        others = end_all(count - 1)
        return [process.wait(PATIENCE), *others]


def test_killed_in_the_middle_the_next_run_goes_on() -> None:
    town()
    with sealer() as process:
        wait_for_seals(process)
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
    before = dict(EvidenceSeal.objects.values_list("pk", "digest"))
    assert ENOUGH <= len(before) < ACCOUNTS
    assert not EvidenceRoot.objects.exists()
    assert end_all(1) == [0]
    assert is_whole()
    assert before.items() <= dict(EvidenceSeal.objects.values_list("pk", "digest")).items()


def test_stopped_in_order_it_finishes_its_chunk_and_makes_no_root() -> None:
    town()
    with sealer() as process:
        wait_for_seals(process)
        process.terminate()
        assert process.wait(PATIENCE) == 0
    sealed = EvidenceSeal.objects.count()
    assert ENOUGH <= sealed < ACCOUNTS
    assert SealedRow.objects.count() == 3 * sealed
    assert not EvidenceRoot.objects.exists()
    assert end_all(1) == [0]
    assert is_whole()


def test_two_at_once_make_one_chain_and_one_root() -> None:
    town()
    assert end_all(2) == [0, 0]
    assert is_whole()
