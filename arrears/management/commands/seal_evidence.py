from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from arrears.management.batch_command import BatchCommand
from arrears.services import evidence
from arrears.services.runs import Counted
from core import batch


class Command(BatchCommand):
    help = (
        "Seals each account's new evidence into its chain, and the night into its root; once a night. "
        "With --limit, --account or --region without a root."
    )
    unit = " chunks"
    job = evidence.JOB

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        everything = "look at all rows, not only at those written since the last root"
        parser.add_argument("--everything", action="store_true", help=everything)
        parser.add_argument(
            "--chunk",
            type=batch.positive,
            default=evidence.CHUNK,
            metavar="N",
            help="accounts in a transaction",
        )

    def steps(self, asked: dict[str, Any], options: dict[str, Any]) -> Iterator[Counted]:
        own = {name: options[name] for name in ("everything", "chunk")}
        return evidence.watched(evidence.Job(**asked, **own))
