from collections.abc import Iterator
from typing import Any

from arrears.management.batch_command import BatchCommand
from arrears.services import restoring
from arrears.services.runs import Counted
from core.actor import Actor


class Command(BatchCommand):
    help = "Lines that are off for arrears although nothing is owed any more are switched on again."
    job = restoring.JOB

    def steps(self, asked: dict[str, Any], options: dict[str, Any]) -> Iterator[Counted]:
        return restoring.watched(restoring.Job(**asked, actor=Actor.command("restore_services")))
