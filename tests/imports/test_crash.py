"""Killed at any moment, started twice at once: the end is that of one clean run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from billing.models import AccountBalance, Bill
from billing.selectors import ledger_check
from billing.services.bulk import bulk_bills
from tests.imports import build

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = 3000


@pytest.fixture
def export(tmp_path: Path) -> Path:
    for number in range(20):
        build.account(f"{number:02d}")
    rows = "".join(f"{n},{n % 20:02d},,2026-11-01,2026-11-25,1\n" for n in range(ROWS))
    return build.file(tmp_path, build.BILL_HEADER + rows)


@contextmanager
def command(path: Path, lanes: int = 2) -> Iterator[subprocess.Popen[bytes]]:
    """import_bills as a process of its own on the test database, in small chunks."""
    database = connection.settings_dict
    place = f"{database['HOST'] or 'localhost'}:{database['PORT'] or 5432}"
    user = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
    environment = {**os.environ, "DATABASE_URL": f"postgresql://{user}@{place}/{database['NAME']}"}
    arguments = [sys.executable, "manage.py", "import_bills", str(path), "--chunk", "20", "--skip-checks"]
    arguments += ["--lanes", str(lanes)]
    process = subprocess.Popen(arguments, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(bills: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while Bill.objects.count() < bills:
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.01)


def check_all_in() -> None:
    assert Bill.objects.count() == ROWS
    assert set(AccountBalance.objects.values_list("balance_cents", flat=True)) == {-100 * ROWS // 20}
    assert not list(ledger_check.differences())


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_killed_import_is_finished_by_the_next(export: Path, lanes: int) -> None:
    for bills in (1, 500, 1200):
        with command(export, lanes) as process:
            wait_for(bills, process)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        if lanes == 1:
            assert Bill.objects.count() % 20 == 0
        assert not list(ledger_check.differences())
    assert build.load(bulk_bills.load, export).counts.failed == 0
    check_all_in()


def test_lanes_leave_what_one_connection_would(export: Path) -> None:
    lines = export.read_text().splitlines()
    lines[100:100] = ["1500,99,,2026-11-01,2026-11-25,1", lines[3], "7,05,,2026-11-01,2026-11-25,2"]
    path = build.file(export.parent, "\n".join(lines), "mixed.csv")
    result = build.load(bulk_bills.load, path, lanes=4, chunk_rows=500)
    assert result.reasons == [(101, "户号", "UNKNOWN_ACCOUNT"), (103, "", "DUPLICATE")]
    assert (result.counts.created, result.counts.unchanged) == (ROWS, 1)
    check_all_in()


def test_a_terminated_import_finishes_its_chunk(export: Path) -> None:
    with command(export) as process:
        wait_for(1, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
    assert 0 < Bill.objects.count() < ROWS
    assert Bill.objects.count() % 20 == 0
    assert build.load(bulk_bills.load, export).counts.failed == 0
    check_all_in()


def test_two_imports_of_one_file_at_once_write_it_once(export: Path) -> None:
    with command(export) as first, command(export) as second:
        assert (first.wait(120), second.wait(120)) == (0, 0)
    check_all_in()
