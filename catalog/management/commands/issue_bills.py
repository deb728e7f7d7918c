import json
import sys
from collections import deque
from collections.abc import Iterator
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from tqdm import tqdm

from catalog.charging.selectors import totals
from catalog.charging.selectors.candidates import Scope
from catalog.charging.selectors.totals import DryRun, OfferTotal
from catalog.charging.services import bill_runs
from catalog.charging.services.bill_runs import Counts, Job
from catalog.offers import lines
from catalog.pricing.types import Period
from core import batch, clock, money

T = TypeVar("T")


def month(text: str) -> Period:
    """The option's month; raises CommandError."""
    try:
        return Period.of(text)
    except ValueError as error:
        raise CommandError(_("账期应写成 2026-11：%(text)s") % {"text": text}) from error


class Command(BaseCommand):
    help = "Charges every account for a month that is over and writes its bill, once; exits with 1 if one failed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--period", type=month, required=True, metavar="YYYY-MM", help="the month")
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")
        parser.add_argument(
            "--dry-run", action="store_true", help="show totals by offer against last month, change nothing"
        )
        parser.add_argument("--limit", type=batch.positive, metavar="N", help="stop after so many accounts")
        parser.add_argument("--region", default="", metavar="CODE", help="accounts of this region and below")
        parser.add_argument("--account", default="", metavar="NUMBER", help="this account only")
        parser.add_argument(
            "--chunk",
            type=batch.positive,
            default=bill_runs.CHUNK,
            metavar="N",
            help="accounts in one transaction",
        )
        parser.add_argument("--json", action="store_true", help="print the figures as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        scope = Scope(region_code=options["region"], account_number=options["account"])
        as_of = options["as_of"] or clock.now()
        with batch.interruptible() as stop:
            if options["dry_run"]:
                found = totals.dry_run(
                    scope, options["period"], as_of=as_of, limit=options["limit"], stop=stop
                )
                failed = self._show_dry_run(_last(found), is_json=options["json"])
            else:
                job = Job(options["period"], as_of, scope, options["limit"], stop, options["chunk"])
                failed = self._show(_last(bill_runs.run(job)), is_json=options["json"])
        if failed:
            sys.exit(1)

    def _show(self, counts: Counts, *, is_json: bool) -> int:
        told = ", ".join(f"{name} {count}" for name, count in counts.as_json().items())
        self.stdout.write(json.dumps(counts.as_json()) if is_json else told)
        return counts.failed

    def _show_dry_run(self, found: DryRun, *, is_json: bool) -> int:
        if is_json:
            self.stdout.write(json.dumps(found.as_json(), ensure_ascii=False))
            return found.failed
        known = lines.names().offers
        self.stdout.write(_row("offer", "holdings", "before", "yuan", "before", "change", ""))
        for each in found.by_offer():
            self.stdout.write(_offer_row(each, known.get(each.offer, "")))
        self.stdout.write(
            f"accounts {found.accounts} ({found.skipped} charged already), bills {found.bills},"
            f" corrections {found.corrections} ({money.yuan(found.correction_cents)}),"
            f" carried in {money.yuan(found.taken_cents)}, on {money.yuan(found.forward_cents)},"
            f" total {money.yuan(found.total_cents)}, failed {found.failed}"
        )
        if not found.has_before:
            self.stdout.write("the month before was not run here")
        for account, error in found.failures:
            self.stderr.write(f"{account}: {error}")
        return found.failed


def _offer_row(each: OfferTotal, name: str) -> str:
    return _row(
        each.offer,
        str(each.holdings),
        str(each.holdings_before),
        money.yuan(each.cents),
        money.yuan(each.cents_before),
        money.yuan(each.change_cents),
        name,
    )


def _row(offer: str, *cells: str) -> str:
    *figures, name = cells
    return f"{offer:<40}" + "".join(f"{cell:>14}" for cell in figures) + f"  {name}"


def _last(steps: Iterator[T]) -> T:
    """The last of them, with a bar on a terminal."""
    return deque(tqdm(steps, unit=" chunks", disable=not sys.stderr.isatty()), maxlen=1)[0]
