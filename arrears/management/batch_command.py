"""What the commands of this room share: their options, their progress, how they end."""

import json
import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from arrears.services.runs import Counted
from core import batch, clock


class BatchCommand(BaseCommand, ABC):
    """A batch over accounts in arrears: `steps` says what runs, and gets what was asked for (`services.runs.Job`)."""

    unit = " blocks"
    job: str  # whose heartbeat says when it ran last

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")
        parser.add_argument("--dry-run", action="store_true", help="count what would be done, change nothing")
        parser.add_argument("--limit", type=batch.positive, metavar="N", help="stop after so many accounts")
        parser.add_argument("--account", default="", metavar="NUMBER", help="only this account")
        batch.add_region(parser)
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = {name: options[name] for name in ("as_of", "dry_run", "limit", "account", "region")}
        asked["as_of"] = _instant(asked["as_of"], self.job, is_dry=asked["dry_run"])
        with batch.interruptible() as stop, batch.refusing(), batch.collecting_rarely():
            steps = self.steps(asked | {"stop": stop}, options)
            carry_out(self, steps, self.unit, as_json=options["json"])

    @abstractmethod
    def steps(self, asked: dict[str, Any], options: dict[str, Any]) -> Iterator[Counted]:
        """The counts as they come. `options`: all of them, for those of the command's own."""


def _instant(given: datetime | None, job: str, *, is_dry: bool) -> datetime:
    """A dry run may be of any day; who writes may not make waiting times up."""
    return given or clock.now() if is_dry else batch.written_at(given, job=job)


def carry_out(command: BaseCommand, steps: Iterator[Counted], unit: str, *, as_json: bool) -> None:
    """Runs to the end and prints the counts; exits with 1 when something failed."""
    last: deque[Any] = deque(tqdm(steps, unit=unit, disable=not sys.stderr.isatty()), maxlen=1)
    counts = last[0].as_json() if last else {}
    told = ", ".join(f"{name} {count}" for name, count in counts.items()) or "nothing to do"
    command.stdout.write(json.dumps(counts) if as_json else told)
    if last and last[0].failed:
        sys.exit(1)
