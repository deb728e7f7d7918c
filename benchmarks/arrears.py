"""`script/bench arrears [N | tiny] [part …]`: the daily pass over a million accounts, against bare SQL.

A hall is filled once (see `arrears_population`); everything that writes does so in a fresh copy of it, ours and the
yardstick in turn. Ours is the command as an operator starts it, from its start to its end.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from statistics import median
from typing import Any

from django.db import connection, connections

from arrears.services import assessing
from benchmarks import arrears_population, arrears_sql, databases, processes
from benchmarks.harness import Sheet
from benchmarks.processes import Ended
from billing.gateways.base import Report, ReportStatus
from billing.services.payments import payments
from core import clock
from core.actor import Actor

TINY = "tiny"  # among the arguments: tries everything out in a minute; its figures mean nothing
ACCOUNTS = 1_000_000
LARGE = 100_000  # accounts: then a copy is made file by file
PASS, DRY = "assess_arrears", "send_disconnection_notices"
BENCH = Actor("bench:arrears")
Counts = dict[str, int]


@dataclass(frozen=True)
class Hall:
    """A filled hall, which nobody changes: what writes takes a copy."""

    database: str
    accounts: int
    rounds: int
    singles: int  # accounts that are judged one by one
    as_of: datetime
    truth: arrears_sql.State = field(default_factory=dict)  # what there is after a pass, by bare SQL

    @property
    def today(self) -> date:
        return clock.local_date(self.as_of)

    @contextmanager
    def copy(self) -> Iterator[str]:
        with databases.copied(self.database, "arrears", is_large=self.accounts >= LARGE) as copy:
            yield copy

    def check(self, database: str, what: str) -> None:
        """Raises RuntimeError: not the rows of a pass."""
        found = arrears_sql.state(database, today=self.today)
        if found != self.truth:
            raise RuntimeError(f"{what}: not the rows of bare SQL: {found}, not {self.truth}")

    def start(self, database: str, name: str, *options: str) -> "subprocess.Popen[str]":
        """The command over this database, under way."""
        environment = {**os.environ, "DATABASE_URL": database}
        return subprocess.Popen(
            self.command(name, *options),
            cwd=processes.ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    def command(self, name: str, *options: str) -> list[str]:
        return [sys.executable, "manage.py", name, "--json", "--as-of", self.as_of.isoformat(), *options]

    def run(self, database: str, name: str, *options: str) -> tuple[Ended, Counts]:
        """The command over this database, as an operator starts it; what it took, and what it says it did."""
        ended = processes.timed(self.command(name, *options), {"DATABASE_URL": database})
        if ended.code:
            raise RuntimeError(f"{name} ended with {ended.code}: {ended.output[-500:]}")
        return ended, json.loads(ended.output.splitlines()[-1])


def run(arguments: list[str]) -> bool:
    """All parts, or those named: pass, killed, two, dry, one. `N`: so many accounts. False: a figure is missing."""
    is_tiny = TINY in arguments
    numbers = [int(each) for each in arguments if each.isdigit()]
    accounts = numbers[0] if numbers else (2_000 if is_tiny else ACCOUNTS)
    parts = [each for each in arguments if each != TINY and not each.isdigit()]
    wanted = [PARTS[each] for each in parts or PARTS]
    sheet = Sheet("arrears-tiny" if is_tiny else "arrears")
    hall = Hall(
        os.environ["DATABASE_URL"],
        accounts,
        rounds=1 if is_tiny else 3,
        singles=5 if is_tiny else 200,
        as_of=clock.now(),
    )
    begun = time.perf_counter()
    arrears_population.fill(hall.database, accounts=accounts, today=hall.today)
    connections.close_all()
    filled = time.perf_counter() - begun
    hall = replace(hall, truth=_truth(hall))
    owing = arrears_population.IN_ARREARS / 10
    rows, gigabytes = arrears_population.size(hall.database)
    note = f"{3 * accounts:,} bills, {owing:.1f} % in arrears; {rows:,} rows, {gigabytes:.1f} GB, "
    note += f"filled in {filled:.0f} s"
    sheet.context("accounts", accounts, note)
    for part in wanted:
        part(sheet, hall)
    return sheet.show()


def _truth(hall: Hall) -> arrears_sql.State:
    with hall.copy() as database:
        arrears_sql.carry_out(database, today=hall.today)
        return arrears_sql.state(database, today=hall.today)


def whole(sheet: Sheet, hall: Hall) -> None:
    """The pass, the same again, and the same rows by bare SQL, in turn."""
    rounds = [_round(hall, is_last=n == hall.rounds - 1) for n in range(hall.rounds)]
    ratios = [each.first.seconds / each.bare.writing for each in rounds]
    seconds = median(each.first.seconds for each in rounds)
    writing, reading = (median(each.bare[place] for each in rounds) for place in (1, 0))
    spread = f"rounds {min(ratios):.2f}–{max(ratios):.2f}"
    note = f"ours {seconds:.1f} s, bare SQL writing {writing:.1f} s (and reading {reading:.1f} s); {spread}"
    sheet.at_most("assess_vs_sql", median(ratios), 4, note)
    peak = max(each.first.peak_mb for each in rounds)
    sheet.at_most("assess_peak_mb", peak, 500, "of the command's process")
    again = [each.second.seconds / each.first.seconds for each in rounds]
    note = (
        f"rounds {min(again):.2f}–{max(again):.2f}; second {median(r.second.seconds for r in rounds):.1f} s"
    )
    sheet.at_most("second_run_vs_first", median(again), 0.7, note)
    written = sum(each.second_wrote for each in rounds)
    sheet.at_most("second_run_tuples", written, 0, "written, by pg_stat_user_tables, besides the heartbeat")
    seen = rounds[-1].seen
    sheet.at_least(
        "payment_between_seen", seen, 1, "paid after the second run; the third ends that case alone"
    )
    counts = rounds[-1].counts
    told = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
    sheet.context("assess_accounts_per_s", hall.accounts / seconds, told)
    sheet.context("assess_messages_per_s", counts["told"] / seconds, f"{counts['told']:,} in a pass")
    own = median(each.first.processor_seconds for each in rounds)
    sheet.context("assess_processor_s", own, "of the command's process alone, the database's not in it")


@dataclass(frozen=True)
class _Round:
    first: Ended
    counts: Counts
    second: Ended
    second_wrote: int
    seen: int
    bare: arrears_sql.Took


def _round(hall: Hall, *, is_last: bool) -> _Round:
    with hall.copy() as database:
        first, counts = hall.run(database, PASS)
        hall.check(database, f"a pass that says {counts}")
        before = arrears_sql.tuples_written(database)
        second, _nothing = hall.run(database, PASS)
        wrote = arrears_sql.tuples_written(database) - before
        seen = _after_payment(hall, database) if is_last else 0
    with hall.copy() as database:
        bare = arrears_sql.carry_out(database, today=hall.today)
    return _Round(first, counts, second, wrote, seen, bare)


def _after_payment(hall: Hall, database: str) -> int:
    """One account pays all it owes; what the next pass ends, if it does nothing else."""
    with _connected_to(database):
        with connection.cursor() as cursor:
            cursor.execute(_REMINDED, [hall.today])
            account_id, cents = cursor.fetchone()
        _pay(int(account_id), int(cents), hall.as_of)
    _ended, counts = hall.run(database, PASS)
    return counts["closed"] if not counts["opened"] + counts["moved"] + counts["told"] else 0


_REMINDED = """
    SELECT account_id, sum(open_cents)
      FROM billing_bill JOIN (SELECT * FROM arrears_arrearscase WHERE stage = 'REMINDED') c USING (account_id)
     WHERE open_cents > 0 GROUP BY 1 HAVING min(due_on) > %s ORDER BY 1 LIMIT 1"""  # late ones owe a penalty besides


def _pay(account_id: int, cents: int, at: datetime) -> None:
    payment = payments.start(
        account_id=account_id,
        amount_cents=cents,
        gateway="alipay",
        payer_id=None,
        bill_id=None,
        as_of=at,
        actor=BENCH,
    )
    payments.sent_to_cashier(payment_id=payment.pk, as_of=at, actor=BENCH)
    report = Report(
        gateway=payment.gateway,
        reference=payment.reference,
        trade_no=f"T{payment.reference}",
        status=ReportStatus.SUCCEEDED,
        amount_cents=cents,
        paid_at=at,
        refunds=(),
        total_refunded_cents=0,
        buyer="",
        occurred_at=at,
        notify_id="",
    )
    payments.apply_report(payment_id=payment.pk, report=report, as_of=at, actor=BENCH)


def killed(sheet: Sheet, hall: Hall) -> None:
    """kill -9 in the middle, and a run after it: the rows of one that nobody disturbed."""
    steps, _told = arrears_population.expected(hall.accounts)
    with hall.copy() as database:
        process = hall.start(database, PASS)
        while process.poll() is None and arrears_sql.steps_written(database, hall.today) < steps / 3:
            time.sleep(0.05)
        process.kill()
        process.communicate()
        left = arrears_sql.steps_written(database, hall.today)
        hall.run(database, PASS)
        hall.check(database, f"killed after {left} steps")
    note = f"{left:,} of {steps:,} steps were written when it was killed; the rows as of one run"
    sheet.context("killed_in_the_middle", left / steps, note)


def two(sheet: Sheet, hall: Hall) -> None:
    """Two passes started at the same time: together they do what one does, and nothing twice."""
    with hall.copy() as database:
        begun = time.perf_counter()
        both = [hall.start(database, PASS) for _n in range(2)]
        outputs = [each.communicate()[0] for each in both]
        seconds = time.perf_counter() - begun
        done: list[Counts] = [json.loads(output.splitlines()[-1]) for output in outputs]
        hall.check(database, f"two at once that say {done}")
    written = [each["opened"] + each["moved"] + each["closed"] for each in done]
    share = min(written) / max(1, sum(written))
    note = f"steps of each {written[0]:,} and {written[1]:,}, together {seconds:.1f} s; the rows as of one"
    sheet.context("two_at_once_smaller_share", share, note)


def dry(sheet: Sheet, hall: Hall) -> None:
    """The named command tries: whom would it tell? It writes nothing, so it asks the filled hall itself."""
    runs = [hall.run(hall.database, DRY, "--dry-run") for _n in range(hall.rounds)]
    seconds = [ended.seconds for ended, _counts in runs]
    note = f"rounds {min(seconds):.1f}–{max(seconds):.1f} s; would tell {runs[0][1]['told']:,}"
    sheet.at_most("dry_run_s", median(seconds), 30, note)


def one(sheet: Sheet, hall: Hall) -> None:
    """One account after the other, each with a step, its history and three messages, committed."""
    with hall.copy() as database, _connected_to(database):
        with connection.cursor() as cursor:
            cursor.execute(_STEPPING, [hall.today, hall.singles + 1])
            ids = [int(row[0]) for row in cursor.fetchall()]
        took = [_timed(partial(_one, each, hall.as_of)) for each in ids][1:]  # the first one fills caches
    note = f"spread {min(took) * 1_000:.1f}–{max(took) * 1_000:.1f} ms, {len(took)} accounts, committed"
    sheet.at_most("one_account_ms", median(took) * 1_000, 15, note)


_STEPPING = """
    SELECT c.account_id FROM arrears_arrearscase c
      JOIN (SELECT account_id, min(due_on) AS due_on FROM billing_bill WHERE open_cents > 0 GROUP BY 1) b
           USING (account_id)
     WHERE c.stage = 'REMINDED' AND b.due_on = %s::date - 1 ORDER BY 1 LIMIT %s"""


def _one(account_id: int, as_of: datetime) -> None:
    done = assessing.assess_one(account_id, actor=BENCH, as_of=as_of)
    if (done.moved, done.told) != (1, arrears_population.REFS):
        raise RuntimeError(f"account {account_id}: {done}")


PARTS: dict[str, Callable[[Sheet, Hall], None]] = {
    "pass": whole,
    "killed": killed,
    "two": two,
    "dry": dry,
    "one": one,
}


def _timed(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


@contextmanager
def _connected_to(database: str) -> Iterator[None]:
    """This process's own connection leads there meanwhile."""
    home = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = database.rpartition("/")[2]
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = home
