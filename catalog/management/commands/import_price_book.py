from collections.abc import Iterator
from datetime import datetime

from catalog.offers.services import bulk_prices
from core.imports.command import ImportCommand
from core.imports.runs import Job, Progress


class Command(ImportCommand):
    help = "Imports a price list as draft offers with their prices; a person publishes them."
    kind = bulk_prices.KIND

    def load(self, job: Job, *, profile: str, as_of: datetime) -> Iterator[Progress]:
        return bulk_prices.load(job, profile=profile, as_of=as_of)
