import argparse
import json
import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing.services.statements import reconciling
from core import batch, clock
from core.actor import Actor


class Command(BaseCommand):
    help = (
        "Asks the gateways now about every payment without a result, those that may have worked first. Exits with 1"
        " when some could not be asked about."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            type=_minutes,
            metavar="MIN",
            help="only payments started so many minutes ago or before",
        )
        parser.add_argument("--account", default="", metavar="NUMBER", help="only payments into this account")
        batch.add_region(parser)
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")
        parser.add_argument("--dry-run", action="store_true", help="count what is open, ask nobody")
        parser.add_argument("--limit", type=_positive, metavar="N", help="at most so many payments")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        as_of = options["as_of"] or clock.now()
        older = options["older_than"]
        with batch.refusing():
            told = reconciling.reconcile(
                as_of=as_of,
                actor=Actor.command("reconcile_payments"),
                started_before=as_of - older if older is not None else None,
                account=options["account"],
                region=options["region"],
                limit=options["limit"],
                dry_run=options["dry_run"],
            )
        if options["json"]:
            self.stdout.write(json.dumps({"counts": told.counts, "open": told.open}))
        else:
            for reference in told.open:
                self.stdout.write(reference)
            self.stdout.write("  ".join(f"{outcome} {number}" for outcome, number in told.counts.items()))
        if told.open:
            sys.exit(1)


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("a whole number above zero")
    return int(text)


def _minutes(text: str) -> timedelta:
    if not text.isascii() or not text.isdecimal() or len(text) > 7:
        raise argparse.ArgumentTypeError("a whole number of minutes")
    return timedelta(minutes=int(text))
