"""The queues in which refunds wait: to be sent to the gateway, and to be asked about once it has taken them.

Neither gives a row up by counting: money that is owed back is tried until somebody decides otherwise, and each day
after its due day is complained of. A row that leaves them does so by a step of its machine.
"""

from datetime import timedelta

from billing.models import RefundRequest, RefundState
from core.metrics import register_queue
from core.queues import Queue

TASK = "billing.carry_out_refunds"
LEASE = timedelta(seconds=90)  # longer than three calls of a gateway that answers at its last moment
_NEVER = 32_000  # attempts, one an hour: the column holds no more


def _queue(state: RefundState) -> Queue[RefundRequest]:
    return Queue(
        model=RefundRequest,
        task=TASK,
        celery_queue="payments",
        waiting=state,
        given_up=RefundState.ABNORMAL,
        lease=LEASE,
        max_attempts=_NEVER,
    )


SENDING = _queue(RefundState.APPROVED)
ASKING = _queue(RefundState.ACCEPTED)
register_queue("refunds_to_send", SENDING)
register_queue("refunds_accepted", ASKING)
