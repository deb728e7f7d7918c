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
from django.db import connection, transaction

from accounts.models import BillingAccount
from arrears.models import EvidenceRoot, EvidenceSeal, SealedRow
from arrears.selectors import evidence_checks
from notices.models import Message
from tests.arrears import build
from tests.arrears.build import after, noon

LAST = after(60)
ACCOUNTS, CHUNK = 60, 2
HALF = ACCOUNTS // 2
PATIENCE = 120  # seconds; a busy machine starts Python slowly
pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def sealer() -> Iterator["subprocess.Popen[bytes]"]:
    """seal_evidence on the test database, in small chunks. What it said is told where the test fails."""
    database = connection.settings_dict
    place = f"{database['HOST'] or 'localhost'}:{database['PORT'] or 5432}"
    user = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
    environment = {**os.environ, "DATABASE_URL": f"postgresql://{user}@{place}/{database['NAME']}"}
    arguments = [sys.executable, "manage.py", "seal_evidence", "--as-of", noon(LAST).isoformat()]
    process = subprocess.Popen(
        [*arguments, "--chunk", str(CHUNK), "--skip-checks"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    except BaseException as error:
        process.kill()
        said = process.communicate()[0].decode(errors="replace")
        error.add_note(f"the sealer ended with {process.returncode} and said: {said}; {seen()}")
        raise
    finally:
        process.kill()
        process.communicate()


def seen() -> str:
    return f"{EvidenceSeal.objects.count()} seals, {EvidenceRoot.objects.count()} roots"


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


@contextmanager
def in_the_middle(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """It has sealed half of them and waits for an account that somebody else has in hand, as long as this lasts."""
    with transaction.atomic():
        held = BillingAccount.objects.order_by("pk").values_list("pk", flat=True)[HALF]
        BillingAccount.objects.select_for_update().get(pk=held)
        wait_for_seals(process, HALF)
        yield


def wait_for_seals(process: "subprocess.Popen[bytes]", count: int) -> None:
    end = time.monotonic() + PATIENCE
    while EvidenceSeal.objects.count() < count:
        assert process.poll() is None, f"ended before it could be ended: {seen()}"
        assert time.monotonic() < end, f"too slow: {seen()}"
        time.sleep(0.05)


def all_whole() -> None:
    """Every account has one seal over its three messages, and one root holds all."""
    rows = SealedRow.objects.values("table_name", "row_id")
    assert (rows.count(), rows.distinct().count()) == (3 * ACCOUNTS, 3 * ACCOUNTS)
    assert EvidenceSeal.objects.filter(sequence=1, rows=3, previous="").count() == ACCOUNTS
    assert EvidenceRoot.objects.get().seals == EvidenceSeal.objects.count() == ACCOUNTS
    assert list(evidence_checks.everything(today=LAST)) == []


def end_all(count: int) -> None:
    """So many at once, to their ends."""
    if not count:
        return
    with sealer() as process:
        end_all(count - 1)
        assert process.wait(PATIENCE) == 0


def test_killed_in_the_middle_the_next_run_goes_on() -> None:
    town()
    with sealer() as process, in_the_middle(process):
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
        before = dict(EvidenceSeal.objects.values_list("pk", "digest"))
        assert len(before) == HALF
        assert not EvidenceRoot.objects.exists()
    end_all(1)
    all_whole()
    assert before.items() <= dict(EvidenceSeal.objects.values_list("pk", "digest")).items()


def test_stopped_in_order_it_finishes_its_chunk_and_makes_no_root() -> None:
    town()
    with sealer() as process:
        with in_the_middle(process):
            process.terminate()
        assert process.wait(PATIENCE) == 0
        assert EvidenceSeal.objects.count() == HALF + CHUNK
        assert SealedRow.objects.count() == 3 * (HALF + CHUNK)
        assert not EvidenceRoot.objects.exists()
    end_all(1)
    all_whole()


def test_two_at_once_make_one_chain_and_one_root() -> None:
    town()
    end_all(2)
    all_whole()
