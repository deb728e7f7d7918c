import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from content.services import freshness
from core import batch, clock


class Command(BaseCommand):
    help = (
        "Notes which articles have become public, and makes a task of each section in which nothing is new."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        counts = freshness.run(as_of=options["as_of"] or clock.now())
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        self.stdout.write(json.dumps(counts) if options["json"] else told)
