import json
import sys
from collections import deque
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from core import batch, clock
from notices.services import triggering


class Command(BaseCommand):
    help = "Tells customers what the active triggers find today, each thing once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")
        parser.add_argument("--dry-run", action="store_true", help="count what would be told, tell nobody")
        parser.add_argument(
            "--limit", type=batch.positive, metavar="N", help="stop after so many things found"
        )
        parser.add_argument("--trigger", default="", metavar="CODE", help="only this trigger")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        with batch.interruptible() as stop, batch.refusing():
            job = triggering.Job(
                as_of=options["as_of"] or clock.now(),
                dry_run=options["dry_run"],
                limit=options["limit"],
                code=options["trigger"],
                stop=stop,
            )
            steps = tqdm(triggering.run(job), unit=" chunks", disable=not sys.stderr.isatty())
            [total] = deque(steps, maxlen=1)
        counts = total.as_json()
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        self.stdout.write(json.dumps(counts) if options["json"] else told)
        if total.failed:
            sys.exit(1)
