"""What the catalog gives to triggers: terms and discounts that end."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import formats, translation
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount
from accounts.selectors import reach
from catalog.charging.selectors import discount_ends
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


@triggers.source(
    "catalog.discount_ending",
    title=_("试用或新客优惠到期"),
    days_mean=_("从优惠的最后一天算起，-15 为到期前十五天"),
    variables=(ACCOUNT_TAIL, WHAT, DAY, URL, WAY_OUT, HELP_LINE),
)
def discount_ending(days: int, today: date, as_of: datetime) -> Iterator[Found]:
    """Each discount of so many months that somebody has and that ends on that day; who pays is told."""
    last = today - timedelta(days=days)
    for page in discount_ends.ending(last - timedelta(days=triggers.LATE), last):
        ways = reach.of([each.row.payer for each in page])
        for each in page:
            way = ways[each.row.payer_id]
            with translation.override(way.language):
                what = _("%(offer)s 的优惠“%(name)s”") % {"offer": each.row.offer, "name": each.rule}
                context = _context(each.row.payer, str(what), each.last_day)
            key = f"{each.row.number}:{each.rule.code}:{each.last_day.isoformat()}"
            yield _found(key, each.row.payer, way, context)


def _told(row: Subscription, day: date, way: reach.Way) -> Found:
    with translation.override(way.language):
        context = _context(row.account, str(row.offer), day)
    return _found(f"{row.number}:{day.isoformat()}", row.account, way, context)


def _context(account: BillingAccount, what: str, day: date) -> dict[str, str]:
    """In the language that is active."""
    return {
        "account_tail": account.number[-4:],
        "what": what,
        "day": formats.date_format(day, "DATE_FORMAT"),
        "url": settings.BASE_URL + reverse("catalog:services"),
        "way_out": settings.BASE_URL + reverse("accounts:consents"),
        "help_line": settings.HELP_LINE,
    }


def _found(key: str, account: BillingAccount, way: reach.Way, context: dict[str, str]) -> Found:
    return Found(
        key=key,
        recipient_ref=f"account:{account.number}",
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
