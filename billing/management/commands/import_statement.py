import argparse
import json
import sys
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from billing.models import LineKind, Verdict
from billing.services.statements import statements
from billing.services.statements.statements import Imported
from billing.statements import archive, reader
from core import clock, heartbeats, money
from core.actor import Actor
from core.errors import HallError

DIFFERS = 3
EVERY = timedelta(days=1)
HEADING = "%-18s %-9s %9s  %s"


class Command(BaseCommand):
    help = (
        "Takes in a channel's daily statement and compares it with the books. Exit codes: 0 all agrees (money at the"
        " border of the day may be held), 3 the statement is in and differences are open, 1 nothing was imported."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="CSV, plain or packed with zip or gzip")
        parser.add_argument("--gateway", required=True, choices=reader.CHANNELS)
        parser.add_argument(
            "--date", type=_day, metavar="YYYY-MM-DD", help="where the file does not tell its day"
        )
        parser.add_argument("--dry-run", action="store_true", help="find out everything, keep nothing")
        parser.add_argument(
            "--new-version",
            action="store_true",
            help="this file speaks for its day instead of the one imported",
        )
        parser.add_argument("--no-ask", action="store_true", help="do not ask the channel about what we lack")
        parser.add_argument("--sha1", default="", help="what the channel said of the unpacked file")
        parser.add_argument(
            "--max-bytes", type=int, default=archive.MAX_BYTES, metavar="N", help="unpacked size"
        )
        parser.add_argument("--json", action="store_true", help="print the result, or the refusal, as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = self._load(options)
        except HallError as error:
            if options["json"]:
                self.stdout.write(
                    json.dumps({"outcome": "REFUSED", "code": error.code, "message": error.text})
                )
                sys.exit(1)
            raise CommandError(str(error)) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(_("数据库没有应答：%(why)s") % {"why": str(error).strip()}) from error
        if options["json"]:
            self.stdout.write(json.dumps(facts(found)))
        else:
            self._tell(found)
        if found.unsettled["OPEN"]:
            sys.exit(DIFFERS)

    def _load(self, options: dict[str, Any]) -> Imported:
        as_of = clock.now()
        job = heartbeats.beat(f"import_statement_{options['gateway']}", every=EVERY, as_of=as_of)
        with nullcontext() if options["dry_run"] else job:  # a channel whose files stop coming is noticed
            return statements.load(
                path=options["file"],
                gateway=options["gateway"],
                as_of=as_of,
                actor=Actor.command("import_statement"),
                day=options["date"],
                new_version=options["new_version"],
                dry_run=options["dry_run"],
                ask=not options["no_ask"],
                sha1=options["sha1"],
                max_bytes=options["max_bytes"],
            )

    def _tell(self, found: Imported) -> None:
        statement = found.statement
        self.stdout.write(
            f"{found.outcome}: {statement.gateway} {statement.day} {statement.merchant} v{statement.version}"
        )
        for kind, verdicts in statement.counts.items():
            for verdict, (number, cents) in verdicts.items():
                if number:
                    line = (verdict, LineKind(kind).label, number, money.display(cents))
                    self.stdout.write(f"{HEADING % line}  {Verdict(verdict).label}")
        self.stdout.write(
            _("待处理 %(open)s，跨日待查 %(held)s")
            % {"open": found.unsettled["OPEN"], "held": found.unsettled["HELD"]}
        )


def facts(found: Imported) -> dict[str, Any]:
    """The result as plain values. `counts` holds [number, fen] by kind and verdict, as found at the import."""
    statement = found.statement
    return {
        "outcome": str(found.outcome),
        "gateway": statement.gateway,
        "merchant": statement.merchant,
        "date": statement.day.isoformat(),
        "coverage": statement.coverage,
        "version": statement.version,
        "sha256": statement.sha256,
        "lines": statement.payments + statement.refunds,
        "payment_cents": statement.payment_cents,
        "refund_cents": statement.refund_cents,
        "fee_cents": statement.fee_cents,
        "counts": statement.counts,
        "open": found.unsettled["OPEN"],
        "held": found.unsettled["HELD"],
        "asked": found.asked,
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(_("写成 2026-10-03 的形式")) from error
