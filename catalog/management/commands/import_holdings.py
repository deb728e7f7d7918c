from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from catalog.holdings.services import bulk_holdings, months_check
from core.imports.command import ImportCommand
from core.imports.runs import Job, Progress


class Command(ImportCommand):
    help = "Imports what customers hold from another system's export; --compare: what the hall would charge for it."
    kind = bulk_holdings.KIND
    tables = ("catalog_subscription", "catalog_subscriptionhistory")
    _compares = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(profile="telco_customer_churn")
        parser.add_argument(
            "--compare",
            action="store_true",
            help="change nothing: compare the month's charges with those of the file; differences are rejects",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._compares = options["compare"]
        super().handle(*args, **options | {"dry_run": options["dry_run"] or self._compares})

    def load(self, job: Job, *, profile: str, as_of: datetime) -> Iterator[Progress]:
        if self._compares:
            return months_check.compare(job, profile=profile, as_of=as_of)
        return bulk_holdings.load(job, profile=profile, as_of=as_of)
