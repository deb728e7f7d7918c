from collections.abc import Iterator
from datetime import datetime

from core.imports.command import ImportCommand
from core.imports.runs import Job, Progress
from resources.services import bulk_numbers


class Command(ImportCommand):
    help = "Imports numbers that customers may choose; classes and regions must be there."
    kind = bulk_numbers.KIND

    def load(self, job: Job, *, profile: str, as_of: datetime) -> Iterator[Progress]:
        return bulk_numbers.load(job, profile=profile, as_of=as_of)
