import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from arrears import evidence_files
from arrears.evidence_files import BadFile
from arrears.evidence_rules import Fault
from arrears.selectors import evidence_checks, evidence_packs
from core import batch, clock

UNREADABLE = 2  # exit code: nothing was checked


class Command(BaseCommand):
    help = (
        "Checks sealed evidence: an account's, everybody's, or a pack's. Names the first altered row (table, id) of "
        "each account, or the first seal that does not follow. Exits with 1 when there is one, with 2 when what was "
        "given cannot be checked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", nargs="?", default="", metavar="ACCOUNT|FILE")
        parser.add_argument("--all", action="store_true", help="every account, and the roots of all nights")
        parser.add_argument("--account", default="", metavar="NUMBER", help="of whom the pack is said to be")
        parser.add_argument(
            "--file-only", action="store_true", help="a pack against itself alone, not against this hall"
        )
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["what"]) == options["all"]:
            raise CommandError("name an account or a file, or say --all", returncode=UNREADABLE)
        try:
            found = self._tell(self._faults(options))
        except (BadFile, OSError, evidence_packs.NoSuchAccount) as error:
            raise CommandError(_why(error), returncode=UNREADABLE) from error
        if found:
            sys.exit(1)
        self.stdout.write("nothing altered")

    def _faults(self, options: dict[str, Any]) -> Iterator[Fault]:
        today = clock.local_date(options["as_of"] or clock.now())
        if options["all"]:
            return evidence_checks.everything(today=today)
        file = Path(options["what"])
        if file.exists() or file.suffix:
            return _in_file(file, options["account"], file_only=options["file_only"])
        account = evidence_packs.by_number(options["what"])
        return evidence_checks.one(account.pk, today=today)

    def _tell(self, faults: Iterable[Fault]) -> int:
        count = 0
        for fault in faults:
            self.stdout.write(str(fault))
            count += 1
        return count


def _why(error: Exception) -> str:
    if isinstance(error, evidence_packs.NoSuchAccount):
        return f"{error.code}: no account and no file of that name"
    return str(error) if isinstance(error, BadFile) else f"UNREADABLE: {error}"


def _in_file(file: Path, account: str, *, file_only: bool) -> Iterator[Fault]:
    """The file against itself first, then against this hall."""
    with file.open("rb") as opened:
        pack = evidence_files.parse(opened.read(evidence_files.LARGEST + 1))
    fault = evidence_files.file_fault(pack)
    if fault is None and account and pack["account"]["number"] != account:
        fault = Fault("ACCOUNT", pack["account"]["number"])
    if not file_only and (fault is None or fault.code == "FILE"):
        fault = (
            evidence_checks.against_hall(pack) or fault
        )  # what it names is nearer than "something in the file"
    if fault:
        yield fault
