"""The bill run of a month by the command, over accounts that hold three things each; and its memory as they grow."""

import json
import sys
from datetime import date

from benchmarks import homes, processes
from benchmarks.harness import Sheet
from catalog.pricing.types import Period
from core import clock

HELD = ("basic", "bb100", "vod")  # the second with a discount, for the first is there
BEGUN = date(2026, 1, 1)
FEW, MANY = 20_000, 100_000
FLAT = 1.1  # the many may take so much more than the few


def bill_run(sheet: Sheet, *, few: int = FEW, many: int = MANY) -> None:
    """A month of the few, then the next one of all: both from the command's start to its end."""
    stock = homes.stock()
    offers = [stock[code] for code in HELD]
    earlier, later = _months()
    homes.holding(few, offers, begins_on=BEGUN)
    first = _run(earlier, few)
    homes.holding(many - few, offers, begins_on=BEGUN)
    second = _run(later, many)
    note = f"{many:,} accounts with {len(HELD)} holdings in {second.seconds:.1f} s; {few:,} in {first.seconds:.1f} s"
    sheet.at_least("bill_run_accounts_per_s", many / second.seconds, 2_000, note)
    note = f"with {many:,} accounts; flat: at most {FLAT:g} × the {first.peak_mb:.0f} MB with {few:,}"
    sheet.at_most("bill_run_peak_mb", second.peak_mb, round(first.peak_mb * FLAT), note)
    sheet.context("bill_run_peak_growth", second.peak_mb / first.peak_mb, "peak with many ÷ with few")


def _months() -> tuple[Period, Period]:
    """The two before this one, which are over."""
    this = Period.containing(clock.local_date(clock.now()))
    later = Period.containing(date.fromordinal(this.begins_on.toordinal() - 1))
    return Period.containing(date.fromordinal(later.begins_on.toordinal() - 1)), later


def _run(period: Period, accounts: int) -> processes.Ended:
    command = [sys.executable, "manage.py", "issue_bills", "--period", period.code, "--json"]
    ended = processes.timed(command)
    told = json.loads(ended.output.splitlines()[-1]) if ended.output else {}
    if ended.code or told["bills"] < accounts:  # those who ordered before have bills too
        raise RuntimeError(f"issue_bills ended with {ended.code}: {ended.output[-500:]}")
    return ended
