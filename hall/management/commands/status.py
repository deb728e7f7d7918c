"""The status page for the terminal and for monitors."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from core import clock
from hall.upkeep import status
from hall.upkeep.findings import BAD, OK

_MARKS = {"ok": "  ", "warn": "! ", "bad": "X "}


class Command(BaseCommand):
    help = "Tells how queues, jobs, backups, gateways, database and disks are, and what mends them. Ends with 1 if bad."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="everything, for machines")
        parser.add_argument("--bad", action="store_true", help="only what is not ok")

    def handle(self, *args: Any, **options: Any) -> None:
        sections = status.read(as_of=clock.now())
        if options["json"]:
            self.stdout.write(json.dumps(status.as_json(sections), ensure_ascii=False))
        else:
            self._print(sections, only_bad=options["bad"])
        if status.worst(sections) == BAD:
            sys.exit(1)

    def _print(self, sections: list[status.Section], *, only_bad: bool) -> None:
        for section in sections:
            shown = [each for each in section.findings if each.tone != OK or not only_bad]
            if shown:
                self.stdout.write(f"— {section.title}")
            for each in shown:
                mend = (
                    f"  → docs/runbooks/{each.mend} {each.command}" if each.tone != OK and each.mend else ""
                )
                self.stdout.write(
                    f"{_MARKS[each.tone]}{each.name}: {each.figure}  {each.note}{mend}".rstrip()
                )
