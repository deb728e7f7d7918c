import argparse
import json
import sys
from datetime import date, datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _
from tqdm import tqdm

from billing.gateways import registry
from billing.services.payments import replay
from billing.services.payments.replay import Replayed
from core import audit, clock
from core.actor import Actor

NAME = "replay_callbacks"


class Command(BaseCommand):
    help = (
        "Verifies the stored callbacks of a period again and applies them: what is missing is booked, what is right"
        " stays. Exits with 1 when a message no longer verifies or the books refused one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--from", dest="since", required=True, type=moment, metavar="ISO", help="received at or after"
        )
        parser.add_argument(
            "--to", dest="until", type=moment, metavar="ISO", help="received before (default: now)"
        )
        parser.add_argument("--gateway", default="", choices=[code for code, _name in registry.codes()])
        parser.add_argument("--dry-run", action="store_true", help="find out everything, change nothing")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        as_of, actor = clock.now(), Actor.command(NAME)
        until = options["until"] or as_of
        told = Replayed()
        with tqdm(unit=_("条"), disable=None, file=sys.stderr) as bar:
            for told in replay.replay(
                since=options["since"],
                until=until,
                as_of=as_of,
                actor=actor,
                gateway=options["gateway"],
                dry_run=options["dry_run"],
            ):
                bar.update(sum(told.counts.values()) - bar.n)
        if not options["dry_run"]:
            period = f"{options['since'].isoformat()}/{until.isoformat()}"
            audit.record(
                actor=actor, action=NAME, subject=("callbacks", period), as_of=as_of, detail=told.counts
            )
        self._tell(told, options)
        if not told.is_clean:
            sys.exit(1)

    def _tell(self, told: Replayed, options: dict[str, Any]) -> None:
        if options["json"]:
            rows = [{"callback": row, "outcome": outcome, "why": why} for row, outcome, why in told.bad]
            self.stdout.write(json.dumps({"dry_run": options["dry_run"], "counts": told.counts, "bad": rows}))
            return
        for row, outcome, why in told.bad:
            self.stdout.write(f"{row}: {outcome} {why}")
        self.stdout.write("  ".join(f"{outcome} {number}" for outcome, number in told.counts.items()))


def moment(text: str) -> datetime:
    """An instant, or a day's midnight; without a zone it is local time."""
    try:
        found = (
            datetime.fromisoformat(text)
            if len(text) > 10
            else datetime.combine(date.fromisoformat(text), time())
        )
    except ValueError as error:
        raise argparse.ArgumentTypeError(_("写成 2026-10-03 或 2026-10-03T10:00:00+08:00 的形式")) from error
    return found if found.tzinfo else found.replace(tzinfo=clock.SHANGHAI)
