from collections.abc import Iterator
from datetime import datetime

from billing.services.bulk import bulk_bills
from core.imports.command import ImportCommand
from core.imports.runs import Job, Progress


class Command(ImportCommand):
    help = "Imports bills (出账) from another system's export."
    kind = bulk_bills.KIND
    tables = ("billing_bill", "billing_billline", "billing_ledgerentry", "billing_accountbalance")

    def load(self, job: Job, *, profile: str, as_of: datetime) -> Iterator[Progress]:
        return bulk_bills.load(job, profile=profile, as_of=as_of)
