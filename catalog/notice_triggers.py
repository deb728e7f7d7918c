"""What the catalog gives to triggers: terms that end."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import formats, translation
from django.utils.translation import gettext_lazy as _

from accounts.selectors import reach
from catalog.holdings.models import Subscription, SubscriptionState
from notices import triggers
from notices.kinds import ACCOUNT_TAIL, DAY, HELP_LINE, URL, WAY_OUT, WHAT
from notices.triggers import Found

CHUNK = 500


@triggers.source(
    "catalog.term_ending",
    title=_("合约、试用或优惠到期"),
    days_mean=_("从到期日算起，-15 为到期前十五天"),
    variables=(ACCOUNT_TAIL, WHAT, DAY, URL, WAY_OUT, HELP_LINE),
)
def term_ending(days: int, today: date, as_of: datetime) -> Iterator[Found]:
    """What ends on that day and does not go on by itself: told of renewals, customers are by `remind_renewals`."""
    last = today - timedelta(days=days)
    first = last - timedelta(days=triggers.LATE)
    ending = Q(paid_until__range=(first, last)) | Q(committed_until__range=(first, last))
    rows = Subscription.objects.filter(
        ending, state=SubscriptionState.ACTIVE, ends_on=None, offer__is_renewed=False
    )
    for page in _pages(rows.select_related("account", "offer").order_by("pk")):
        ways = reach.of([row.account for row in page])
        for row in page:
            for day in {row.paid_until, row.committed_until}:
                if day is not None and first <= day <= last:
                    yield _told(row, day, ways[row.account_id])


def _told(row: Subscription, day: date, way: reach.Way) -> Found:
    with translation.override(way.language):
        context = {
            "account_tail": row.account.number[-4:],
            "what": str(row.offer),
            "day": formats.date_format(day, "DATE_FORMAT"),
            "url": settings.BASE_URL + reverse("catalog:services"),
            "way_out": settings.BASE_URL + reverse("accounts:consents"),
            "help_line": settings.HELP_LINE,
        }
    return Found(
        key=f"{row.number}:{day.isoformat()}",
        recipient_ref=f"account:{row.account.number}",
        addresses=way.addresses,
        context=context,
        language=way.language,
        consent=way.consent,
    )


def _pages(rows: "QuerySet[Subscription]") -> Iterator[list[Subscription]]:
    """By key, so that memory does not grow with their number."""
    beyond = 0
    while page := list(rows.filter(pk__gt=beyond)[:CHUNK]):
        yield page
        beyond = page[-1].pk
