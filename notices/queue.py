"""Deliveries are their own queue: a lane for each channel that workers serve. Letters wait for people."""

from datetime import timedelta

from core.metrics import register_queue
from core.queues import Queue
from notices.models import Channel, Delivery, DeliveryState

TASK = "notices.send_deliveries"
CELERY_QUEUE = "notices"

DELIVERIES = Queue(
    model=Delivery,
    task=TASK,
    celery_queue=CELERY_QUEUE,
    waiting=DeliveryState.QUEUED,
    given_up=DeliveryState.FAILED,
    lease=timedelta(minutes=2),  # longer than a batch of time-outs takes (see services.sending)
    max_attempts=10,
    order="priority, next_attempt_at, id",
    lane_column="channel",
    lanes=(Channel.SMS.value, Channel.EMAIL.value, Channel.INBOX.value),
)
register_queue("deliveries", DELIVERIES)
