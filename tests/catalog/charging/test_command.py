"""issue_bills: killed at any moment, started twice at once, tried before: the end is that of one clean run."""

import json
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
from django.core.management import CommandError, call_command
from django.db import connection

from billing.models import AccountBalance, Bill, BillLine
from billing.selectors import ledger_check
from catalog.models import BillRun, ChargedMonth
from tests.catalog.charging import build
from tests.catalog.offers import build as offers

ACCOUNTS = 60
AS_OF = "2026-11-01T12:00:00+08:00"


@contextmanager
def command(*more: str) -> Iterator[subprocess.Popen[bytes]]:
    """issue_bills as a process of its own on the test database, in small chunks."""
    database = connection.settings_dict
    place = f"{database['HOST'] or 'localhost'}:{database['PORT'] or 5432}"
    user = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
    environment = {**os.environ, "DATABASE_URL": f"postgresql://{user}@{place}/{database['NAME']}"}
    arguments = [sys.executable, "manage.py", "issue_bills", "--period", "2026-10", "--as-of", AS_OF]
    arguments += ["--chunk", "5", "--skip-checks", *more]
    process = subprocess.Popen(arguments, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(bills: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while Bill.objects.count() < bills:
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.005)


def town(accounts: int = ACCOUNTS) -> None:
    what = build.basic(2600, code="basic", name="基本收视")
    for _ in range(accounts):
        build.held(build.account(), what)


def check_all_in() -> None:
    assert Bill.objects.count() == BillLine.objects.count() == ChargedMonth.objects.count() == ACCOUNTS
    assert set(AccountBalance.objects.values_list("balance_cents", flat=True)) == {-2600}
    run = BillRun.objects.get()
    assert (run.accounts, run.bills, run.total_cents) == (ACCOUNTS, ACCOUNTS, 2600 * ACCOUNTS)
    assert run.completed_at is not None
    assert not list(ledger_check.differences())


@pytest.mark.django_db(transaction=True)
def test_a_killed_run_is_finished_by_the_next() -> None:
    town()
    for bills in (1, 25):
        with command() as process:
            wait_for(bills, process)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        assert Bill.objects.count() == ChargedMonth.objects.count()
        assert Bill.objects.count() % 5 == 0
        assert not list(ledger_check.differences())
    assert build.run("2026-10").failed == 0
    check_all_in()


@pytest.mark.django_db(transaction=True)
def test_a_terminated_run_finishes_its_chunk() -> None:
    town()
    with command() as process:
        wait_for(1, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert 0 < Bill.objects.count() < ACCOUNTS
    assert Bill.objects.count() % 5 == 0
    build.run("2026-10")
    check_all_in()


@pytest.mark.django_db(transaction=True)
def test_two_machines_at_once_write_each_bill_once() -> None:
    town()
    with command() as first, command() as second:
        assert (first.wait(120), second.wait(120)) == (0, 0)
    check_all_in()


@pytest.mark.django_db
def test_a_dry_run_tells_totals_by_offer_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    town(3)
    build.run("2026-10")
    build.held(build.account(), build.basic(9900, code="net"), date(2026, 11, 1))
    before = (Bill.objects.count(), ChargedMonth.objects.count())
    call_command("issue_bills", "--period", "2026-11", "--dry-run", "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["offers"] == [
        {"offer": "net", "holdings": 1, "cents": 9900, "holdings_before": 0, "cents_before": 0},
        {"offer": "basic", "holdings": 3, "cents": 7800, "holdings_before": 3, "cents_before": 7800},
    ]
    assert (told["accounts"], told["bills"], told["total_cents"]) == (4, 4, 17_700)
    assert (Bill.objects.count(), ChargedMonth.objects.count()) == before
    call_command("issue_bills", "--period", "2026-11", "--dry-run")
    assert "基本收视" in capsys.readouterr().out


@pytest.mark.django_db
def test_what_a_dry_run_says_is_what_the_run_does(capsys: pytest.CaptureFixture[str]) -> None:
    town(2)
    row = build.held(build.account(), build.basic(3100, code="late"))
    build.run("2026-10")
    build.end(row, date(2026, 10, 11), known_on=date(2026, 11, 5))
    build.news(build.noon(date(2026, 11, 5)))
    call_command("issue_bills", "--period", "2026-11", "--dry-run", "--json")
    told = json.loads(capsys.readouterr().out)
    counts = build.run("2026-11")
    assert (told["corrections"], told["correction_cents"], told["forward_cents"]) == (1, -2100, 2100)
    assert told["total_cents"] == counts.total_cents == 5200
    assert told["bills"] == counts.bills == 3


@pytest.mark.django_db
def test_one_that_fails_makes_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    build.held(build.account(), offers.draft("never"))
    for more in (["--dry-run"], []):
        with pytest.raises(SystemExit) as ended:
            call_command("issue_bills", "--period", "2026-10", "--as-of", AS_OF, *more)
        assert ended.value.code == 1


@pytest.mark.parametrize("period", ["2026-13", "x", "2026-1"])
def test_a_period_that_is_none_is_refused(period: str) -> None:
    with pytest.raises(CommandError):
        call_command("issue_bills", "--period", period)
