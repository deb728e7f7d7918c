from collections.abc import Iterator
from typing import Any

from arrears.management.batch_command import BatchCommand
from arrears.services import bulk_assessing
from arrears.services.runs import Counted
from core.actor import Actor


class Command(BatchCommand):
    help = "The daily pass over all accounts in arrears: stages, notices, suspensions, restoring. Safe to run again."
    job = bulk_assessing.JOB

    def steps(self, asked: dict[str, Any], options: dict[str, Any]) -> Iterator[Counted]:
        return bulk_assessing.watched(bulk_assessing.Job(**asked, actor=Actor.command("assess_arrears")))
