import json
import sys
from collections import deque
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from catalog.pauses.services import ending
from core import batch, clock


class Command(BaseCommand):
    help = "Ends the pauses whose day has come and tells of those that end soon; exits with 1 if one failed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")
        parser.add_argument("--dry-run", action="store_true", help="count what would be done, change nothing")
        parser.add_argument("--limit", type=batch.positive, metavar="N", help="stop after so many")
        parser.add_argument("--account", default="", metavar="NUMBER", help="this account only")
        parser.add_argument("--region", default="", metavar="CODE", help="the accounts of this region only")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        with batch.interruptible() as stop:
            job = ending.Job(
                as_of=options["as_of"] or clock.now(),
                dry_run=options["dry_run"],
                limit=options["limit"],
                account_number=options["account"],
                region_code=options["region"],
                stop=stop,
            )
            last = deque(tqdm(ending.run(job), unit=" chunks", disable=not sys.stderr.isatty()), maxlen=1)
        counts = last[0].as_json()
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        self.stdout.write(json.dumps(counts) if options["json"] else told)
        if counts["failed"]:
            sys.exit(1)
