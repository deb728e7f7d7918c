"""How many wait for hands or for receipts: for the status page and /metrics. Each is one query on an index."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q
from prometheus_client.core import GaugeMetricFamily, Metric

from core.metrics import register_figures
from notices.models import Channel, Delivery, DeliveryState
from notices.services import letters

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_S = DeliveryState


@dataclass(frozen=True, slots=True)
class Figures:
    letters_waiting: int
    letter_since: datetime | None  # None: none waits
    lists_to_post: int
    list_since: datetime | None
    sent_in_a_day: int  # text messages handed over, whatever became of them
    receipts_missing: int  # of these, handed over an hour ago or longer and still without a word
    ways_waiting: int  # messages for which another way is planned, if nothing proves that they arrived
    ways_begun: int  # in a day


def read(as_of: datetime) -> Figures:
    waiting = letters.waiting().order_by().aggregate(count=Count("pk"), since=Min("created_at"))
    lists = letters.to_post().order_by().aggregate(count=Count("pk"), since=Min("created_at"))
    recent = Delivery.objects.filter(created_at__gte=as_of - _DAY)
    texts = recent.filter(channel=Channel.SMS).aggregate(
        sent=Count("pk", filter=Q(sent_at__isnull=False)),
        missing=Count("pk", filter=Q(state=_S.SENT, sent_at__lte=as_of - _HOUR)),
    )
    return Figures(
        letters_waiting=waiting["count"],
        letter_since=waiting["since"],
        lists_to_post=lists["count"],
        list_since=lists["since"],
        sent_in_a_day=texts["sent"],
        receipts_missing=texts["missing"],
        ways_waiting=Delivery.objects.filter(fallback_at__isnull=False).count(),
        ways_begun=recent.filter(instead_of__isnull=False).count(),
    )


def metrics(as_of: datetime) -> Iterator[Metric]:
    """At /metrics."""
    found = read(as_of)
    since = found.letter_since
    for name, text, value in (
        ("hall_letters_waiting", "Letters on no list yet", found.letters_waiting),
        (
            "hall_letters_oldest_seconds",
            "How long the oldest waits",
            (as_of - since).total_seconds() if since else 0,
        ),
        ("hall_letter_lists_to_post", "Printed lists that nobody has posted", found.lists_to_post),
        ("hall_receipts_missing", "Text messages of a day without a receipt", found.receipts_missing),
        ("hall_fallbacks_waiting", "Deliveries with another way planned", found.ways_waiting),
        ("hall_fallbacks_begun", "Other ways begun in a day", found.ways_begun),
    ):
        yield GaugeMetricFamily(name, text, value)
    states = GaugeMetricFamily("hall_deliveries", "Deliveries of a day", labels=["channel", "state"])
    counted = Delivery.objects.filter(created_at__gte=as_of - _DAY).values("channel", "state")
    for row in counted.annotate(count=Count("pk")).order_by():
        states.add_metric([row["channel"].lower(), row["state"].lower()], row["count"])
    yield states


register_figures(metrics)
