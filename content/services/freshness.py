"""The hourly look after the content, as a job: what became public is written down, old sections become tasks."""

from datetime import datetime, timedelta

from content.services import articles, sections
from core import heartbeats
from core.actor import Actor

JOB, EVERY = "content.check_freshness", timedelta(hours=1)
heartbeats.expect(JOB, every=EVERY)


def run(*, as_of: datetime) -> dict[str, int]:
    """The counts of this run, which its heartbeat keeps as well."""
    with heartbeats.beat(JOB, every=EVERY, as_of=as_of) as beat:
        beat.detail["published"] = articles.note_published(as_of=as_of, actor=Actor.job(JOB))
        beat.detail |= sections.check(as_of=as_of)
        counts: dict[str, int] = dict(beat.detail)
    return counts
