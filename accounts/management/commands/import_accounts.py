from collections.abc import Iterator
from datetime import datetime

from accounts.services import bulk_accounts
from core.imports.command import ImportCommand
from core.imports.runs import Job, Progress


class Command(ImportCommand):
    help = "Imports customers, billing accounts (户号) and contact phones from another system's export."
    kind = bulk_accounts.KIND
    tables = ("accounts_customer", "accounts_billingaccount", "accounts_contact")

    def load(self, job: Job, *, profile: str, as_of: datetime) -> Iterator[Progress]:
        return bulk_accounts.load(job, profile=profile, as_of=as_of)
