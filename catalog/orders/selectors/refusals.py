"""What stands against an order: each raises its refusal (catalog.orders.errors), or returns."""

from collections.abc import Mapping, Sequence
from datetime import date

from django.conf import settings
from django.utils.translation import gettext as _

from billing.models import Bill
from catalog.choices import Flow
from catalog.holdings.models import SubscriptionState, Suspension
from catalog.holdings.selectors import families
from catalog.offers.models import Offer
from catalog.orders import errors
from catalog.orders.models import LineAction, LineState, OrderLine
from catalog.orders.rules import Part
from catalog.orders.selectors.plans import Facts, Wish
from catalog.pricing.relations import Problem, problems
from catalog.pricing.types import Change
from core.prepared import Prepared

LATE = Prepared(
    lambda account, payer, day: Bill.objects.filter(
        account_id__in=[account, payer], open_cents__gt=0, due_on__lt=day
    ).select_related("account"),
    account=int,
    payer=int,
    day=date,
)
OFF = Prepared(
    lambda account: Suspension.objects.filter(
        subscription__account_id=account, subscription__state=SubscriptionState.ACTIVE, ends_on=None
    ),
    account=int,
)
_OVER = (LineState.DONE, LineState.FAILED, LineState.CANCELLED)


def flow(change: Change, offers: Mapping[str, Offer]) -> None:
    for code in (*change.add, *change.turn.values()):
        if code in offers and offers[code].type.flow != Flow.DIRECT:
            raise errors.NotOnline(offer=str(offers[code]))


def debtor(wish: Wish, facts: Facts, today: date) -> None:
    """Who has overdue bills orders nothing more; he may always end something."""
    if settings.ORDER_WITH_OVERDUE_BILLS or not (wish.add or wish.turn):
        return
    account, payer = wish.account.pk, facts.payer_id
    late = LATE.rows(account=account, payer=payer, day=today) if facts.is_late else []
    if late:
        raise errors.Overdue(account=min(late, key=lambda bill: bill.pk).account.number)


def suspended(wish: Wish, facts: Facts) -> None:
    """While something of the account is off nothing is added or changed; it may always be ended."""
    if not facts.holdings or not (wish.add or wish.turn):
        return
    stopped = OFF.rows(account=wish.account.pk) if facts.is_off else []
    if stopped:
        first = min(stopped, key=lambda row: row.pk)
        raise errors.Suspended(account=wish.account.number, reason=first.get_reason_display())


def under_way(wish: Wish) -> None:
    refs = {*wish.end, *wish.turn}
    if not refs:
        return
    rows = OrderLine.objects.filter(order__finished_at=None).exclude(state__in=_OVER)
    busy = rows.filter(replaces__number__in=refs) | rows.filter(subscription__number__in=refs)
    found = busy.values_list("order__number", flat=True).first()
    if found is not None:
        raise errors.UnderWay(number=found)


def family(parts: Sequence[Part], offers: Mapping[str, Offer]) -> None:
    """What a family rests on does not turn into something that has no room for all who belong to it on that day."""
    for part in parts:
        if part.action != LineAction.CHANGE:
            continue
        members, most = families.members_on(part.replaces, part.effective_on), offers[part.offer].family_limit
        if members > most:
            raise errors.FamilyTooSmall(offer=str(offers[part.offer]), most=most, members=members)


def relations(change: Change, facts: Facts, offers: Mapping[str, Offer]) -> None:
    found = problems(
        holdings=facts.holdings,
        change=change,
        customer=facts.customer,
        book=facts.book,
        conditions=facts.conditions,
        buyer=facts.buyer,
    )
    if found:
        _raise(found[0], facts, offers)


def _raise(problem: Problem, facts: Facts, offers: Mapping[str, Offer]) -> None:
    code = problem.offer.partition("/")[0]  # a price is named with its charge
    held = {each.ref: each.offer for each in facts.holdings}
    called = names({held.get(code, code), *problem.others}, offers)
    raise errors.BY_PROBLEM[problem.code](
        offer=called[held.get(code, code)],
        others=_("、").join(called[other] for other in problem.others),
    )


def names(codes: set[str], offers: Mapping[str, Offer]) -> dict[str, str]:
    missing = codes - offers.keys()
    known = {code: str(offers[code]) for code in codes & offers.keys()}
    if missing:
        known |= {row.code: str(row) for row in Offer.objects.filter(code__in=missing)}
    return {code: known.get(code, code) for code in codes}
