"""Commands are their own queue."""

from datetime import timedelta

from core.metrics import register_queue
from core.queues import Queue
from resources.models import Command, CommandState

TASK = "resources.carry_out_commands"
CELERY_QUEUE = "provisioning"

COMMANDS = Queue(
    model=Command,
    task=TASK,
    celery_queue=CELERY_QUEUE,
    waiting=CommandState.WAITING,
    given_up=CommandState.FAILED,
    lease=timedelta(minutes=3),  # longer than a batch of time-outs takes (see services.provisioning)
    max_attempts=10,
    longest_backoff=timedelta(minutes=10),
)
register_queue("commands", COMMANDS)
