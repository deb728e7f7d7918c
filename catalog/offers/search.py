"""What the search of the hall knows of offers: each for exactly as long as it is on sale."""

from datetime import date, datetime, time

from django.db import connection
from django.urls import reverse

from catalog.offers.models import Offer
from content import search
from content.search import Entry
from core import clock

KIND = "offer"
BOOST = 115


def register() -> None:
    search.source(KIND, every_entry)


def every_entry() -> list[Entry]:
    """All that are published and not over; none while the tables are not there yet."""
    if Offer._meta.db_table not in connection.introspection.table_names():
        return []
    offers = Offer.objects.filter(published_at__isnull=False).select_related("type")
    return [entry for entry in map(entry_of, offers) if entry is not None]


def put(offer: Offer) -> None:
    """The search follows what was just published or withdrawn."""
    entry = entry_of(offer)
    if entry is None:
        search.remove(kind=KIND, key=offer.code)
    else:
        search.put([entry])


def entry_of(offer: Offer) -> Entry | None:
    """How it stands in the search; None: not at all."""
    if offer.published_at is None:
        return None
    return Entry(
        kind=KIND,
        key=offer.code,
        title=_both(offer.name, offer.name_en),
        summary=_both(offer.summary, offer.summary_en),
        text=_both(f"{offer.type.name} {offer.conditions}", f"{offer.type.name_en} {offer.conditions_en}"),
        url=reverse("catalog:offer", args=[offer.code]),
        active_from=max(offer.published_at, _midnight(offer.active_from)),
        active_until=_midnight(offer.active_to) if offer.active_to else None,
        boost=BOOST,
    )


def _both(zh: str, en: str) -> dict[str, str]:
    return {"zh-hans": zh, "en": en}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), clock.SHANGHAI)
