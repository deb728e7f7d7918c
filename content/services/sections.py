"""Sections, and whether their owners keep them alive."""

from datetime import datetime

from django.db import transaction

from content import locks, rules
from content.models import Article, ContentTask, Section
from content.selectors import freshness
from content.services import articles
from core import audit
from core.actor import Actor


@transaction.atomic
def write(section: Section, *, actor: Actor, as_of: datetime) -> Section:
    """Saves the section as given; what the search knows of its articles follows its times."""
    before = locks.section(section.pk) if section.pk else None
    if before is None:
        section.created_at = as_of
    section.save()
    if before and before.owner_id != section.owner_id:
        audit.record(
            actor=actor,
            action="content.section.owner_changed",
            subject=section,
            detail={"from": before.owner_id, "to": section.owner_id},
            as_of=as_of,
        )
    if before and (before.active_from, before.active_until) != (section.active_from, section.active_until):
        for article in Article.objects.filter(section=section).select_related("section"):
            articles.put_into_search(article)
    return section


@transaction.atomic
def check(*, as_of: datetime) -> dict[str, int]:
    """A task for the owner of each section in which nothing is new for too long, one at a time; tasks end by themselves
    when something new has come, or when the section is no longer shown."""
    ages = {age.section.pk: age for age in freshness.ages(as_of=as_of)}
    counts = {"sections": len(ages), "tasks": 0, "done": 0}
    still_open = set()
    for task in locks.open_tasks():
        age = ages.get(task.section_id)
        if age is None or age.changed_at > task.unchanged_since:
            task.done_at = as_of
            task.save(update_fields=["done_at"])
            counts["done"] += 1
        else:
            still_open.add(task.section_id)
    late = [
        age
        for pk, age in ages.items()
        if pk not in still_open and rules.is_stale(age.changed_at, as_of, age.section.unchanged_days)
    ]
    for age in late:
        counts["tasks"] += _ask(age, as_of)
    return counts


def _ask(age: freshness.Age, as_of: datetime) -> int:
    _row, is_new = ContentTask.objects.get_or_create(
        section=age.section,
        done_at=None,
        defaults={
            "owner_id": age.section.owner_id,
            "unchanged_since": age.changed_at,
            "found_at": as_of,
        },
    )
    return int(is_new)
