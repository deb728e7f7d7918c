from celery import shared_task

from content.services import freshness
from core import clock


@shared_task(
    name="content.check_freshness", queue="default", acks_late=True, time_limit=300, ignore_result=True
)
def check_freshness() -> None:
    """Notes what has become public, and gives owners of old sections a task; safe to run twice."""
    freshness.run(as_of=clock.now())
