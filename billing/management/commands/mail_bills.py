import json
import sys
from collections import deque
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from billing.services.mails import bill_mails
from core import batch, clock


class Command(BaseCommand):
    help = "Sends new bills to those who want them by e-mail, once each; exits with 1 when one failed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")
        parser.add_argument("--dry-run", action="store_true", help="count what would be sent, change nothing")
        parser.add_argument("--limit", type=batch.positive, metavar="N", help="stop after so many mails")
        parser.add_argument("--account", default="", metavar="NUMBER", help="this account only")
        batch.add_region(parser)
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        with batch.interruptible() as stop, batch.refusing():
            job = bill_mails.Job(
                as_of=options["as_of"] or clock.now(),
                dry_run=options["dry_run"],
                limit=options["limit"],
                account_number=options["account"],
                region=options["region"],
                stop=stop,
            )
            total = self._work(job)
        counts = total.as_json()
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        self.stdout.write(json.dumps(counts) if options["json"] else told)
        if total.failed:
            sys.exit(1)

    def _work(self, job: bill_mails.Job) -> bill_mails.Counts:
        steps = tqdm(bill_mails.run(job), unit=" chunks", disable=not sys.stderr.isatty())
        last = deque(steps, maxlen=1)
        return last[0] if last else bill_mails.Counts()
