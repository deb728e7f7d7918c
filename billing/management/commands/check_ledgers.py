import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing.services.money import ledger_check
from core import clock, money


class Command(BaseCommand):
    help = "Proves that every balance equals the sum of its ledger; exits with 1 when anything differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the differences as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        found = ledger_check.run(as_of=clock.now())
        if options["json"]:
            rows = [
                {"rule": d.rule, "subject": d.subject, "expected": d.expected_cents, "actual": d.actual_cents}
                for d in found
            ]
            self.stdout.write(json.dumps({"differences": rows}, ensure_ascii=False))
        else:
            for difference in found:
                self.stdout.write(
                    f"{difference.rule}: {difference.subject}: {money.display(difference.expected_cents)}"
                    f" expected, {money.display(difference.actual_cents)} found"
                )
            self.stdout.write(f"{len(found)} differences")
        if found:
            sys.exit(1)
