import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from arrears import evidence_rules
from arrears.evidence_rules import Fault
from arrears.selectors import evidence_checks, evidence_packs
from core import batch, clock


class Command(BaseCommand):
    help = (
        "Checks sealed evidence: an account's, everybody's, or a pack's. Names the first altered row (table, id) of "
        "each account, or the first seal that does not follow. Exits with 1 when there is one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", nargs="?", default="", metavar="ACCOUNT|FILE")
        parser.add_argument("--all", action="store_true", help="every account, and the roots of all nights")
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["what"]) == options["all"]:
            raise CommandError("name an account or a file, or say --all")
        with batch.refusing():
            found = self._tell(self._faults(options))
        if found:
            sys.exit(1)
        self.stdout.write("nothing altered")

    def _faults(self, options: dict[str, Any]) -> Iterator[Fault]:
        today = clock.local_date(options["as_of"] or clock.now())
        if options["all"]:
            return evidence_checks.everything(today=today)
        file = Path(options["what"])
        if file.is_file():
            return _in_file(file)
        account = evidence_packs.by_number(options["what"])
        return evidence_checks.accounts([account.pk], today=today)

    def _tell(self, faults: Iterable[Fault]) -> int:
        count = 0
        for fault in faults:
            self.stdout.write(str(fault))
            count += 1
        return count


def _in_file(file: Path) -> Iterator[Fault]:
    """The file against itself first, then against this hall."""
    try:
        pack = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise CommandError(f"not a pack: {file}") from error
    if fault := evidence_rules.file_fault(pack) or evidence_checks.against_hall(pack):
        yield fault
