from collections.abc import Iterator
from datetime import datetime

from billing.services.bulk import bulk_receipts
from core.imports.command import ImportCommand
from core.imports.runs import Job, Progress


class Command(ImportCommand):
    help = "Imports receipts (收款) from another system's export and settles bills with them."
    kind = bulk_receipts.KIND
    tables = ("billing_receipt", "billing_allocation", "billing_bill", "billing_ledgerentry")

    def load(self, job: Job, *, profile: str, as_of: datetime) -> Iterator[Progress]:
        return bulk_receipts.load(job, profile=profile, as_of=as_of)
