"""Deletes what is past its time, by the policy."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import batch, clock
from core.actor import Actor
from hall.upkeep import purging
from hall.upkeep.policy import RULES


class Command(BaseCommand):
    help = (
        "Deletes rows past their time (docs/retention.md). Ends with 1 when a table was too busy: the next run "
        "goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", type=batch.instant, help="instead of now")
        parser.add_argument("--dry-run", action="store_true", help="only count what would go")
        parser.add_argument("--rule", action="append", help="only this one; may be given several times")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        as_of = options["as_of"] or clock.now()
        rules = [rule for rule in RULES if not options["rule"] or rule.name in options["rule"]]
        if unknown := set(options["rule"] or ()) - {rule.name for rule in RULES}:
            raise CommandError(f"no such rule: {', '.join(sorted(unknown))}; there are: {_names()}")
        if options["dry_run"]:
            found = purging.due(rules, as_of=as_of)
        else:
            with batch.interruptible() as is_asked_to_stop:
                found = purging.run(
                    rules, as_of=as_of, actor=Actor.command("purge"), is_asked_to_stop=is_asked_to_stop
                )
        self._tell(found, as_json=options["json"])
        if found.put_off:
            sys.exit(1)

    def _tell(self, found: purging.Purged, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"counts": found.counts, "put_off": found.put_off}))
            return
        days = {rule.name: rule.days for rule in RULES}
        for name, count in found.counts.items():
            self.stdout.write(f"{name:20} {days[name]:>5} days {count:>9}")
        for name in found.put_off:
            self.stdout.write(f"{name}: the table is too busy, the next run goes on")


def _names() -> str:
    return ", ".join(rule.name for rule in RULES)
