import json
import sys
from collections import deque
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from billing.services.debits import debits
from core import batch, clock


class Command(BaseCommand):
    help = "Tells customers of the debits (代扣) that come, debits the bills that are due; exits with 1 if one failed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")
        parser.add_argument("--dry-run", action="store_true", help="count what would be done, change nothing")
        parser.add_argument("--limit", type=batch.positive, metavar="N", help="stop after so many bills")
        parser.add_argument("--account", default="", metavar="NUMBER", help="this account only")
        batch.add_region(parser)
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        with batch.interruptible() as stop, batch.refusing():
            job = debits.Job(
                as_of=options["as_of"] or clock.now(),
                dry_run=options["dry_run"],
                limit=options["limit"],
                account_number=options["account"],
                region=options["region"],
                stop=stop,
            )
            last = deque(tqdm(debits.run(job), unit=" chunks", disable=not sys.stderr.isatty()), maxlen=1)
        counts = last[0] if last else debits.Counts()
        told = ", ".join(f"{name} {count}" for name, count in counts.as_json().items())
        self.stdout.write(json.dumps(counts.as_json()) if options["json"] else told)
        if counts.failed:
            sys.exit(1)
