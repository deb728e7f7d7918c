"""What the bills of orders said for what is held: that much is given back, whatever prices and discounts hold since."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from django.db.models import Q, QuerySet, Sum

from accounts.models import BillingAccount
from billing.models import Bill, BillLine
from catalog.holdings.families import FamilyMember
from catalog.holdings.models import Subscription
from catalog.holdings.selectors import payers
from catalog.orders.models import LineState, OrderLine
from catalog.pricing.ahead import running_term
from catalog.pricing.types import Holding, Period, PriceBook

RUN = "hall:run"  # the source of the bills of the month's run
CORRECTION = "CORRECTION"  # the code of their lines that put earlier months right


def whole(number: str) -> int | None:
    """Fen for all that was due with the order that brought it, a penalty included; None: no order of ours did."""
    rows = OrderLine.objects.filter(subscription__number=number).exclude(state=LineState.FAILED)
    found: int | None = rows.aggregate(cents=Sum("amount_cents"))["cents"]
    return found


def first_terms(held: Collection[Holding]) -> dict[str, int]:
    """By ref: fen for the first term of those that have one and that an order of ours brought."""
    paid = [each.ref for each in held if each.paid_until is not None]
    if not paid:
        return {}
    rows = OrderLine.objects.filter(subscription__number__in=paid, order__bill__isnull=False)
    brought = rows.exclude(state=LineState.FAILED).values_list(
        "subscription__number", "order__bill_id", "offer__code"
    )
    return {ref: _of_term(bill_id, offer) for ref, bill_id, offer in brought}


def _of_term(bill_id: int, offer: str) -> int:
    lines = BillLine.objects.filter(bill_id=bill_id, code__startswith=f"{offer}/PERIOD"[:40])
    return lines.aggregate(cents=Sum("amount_cents"))["cents"] or 0


def returnable(payer_id: int, held: Sequence[Holding], today: date) -> set[str]:
    """Refs of what was ordered anew and was never in a month's bill, also where it was turned into another since."""
    since = {each.ref: each.since or each.begins_on for each in held}
    anew = {
        ref: Period.containing(begins).code
        for ref, begins in since.items()
        if begins > today - timedelta(days=62)
    }
    earlier = {code for code in anew.values() if code < Period.containing(today).code}
    if not earlier:
        return set(anew)
    payer = BillingAccount.every.values_list("number", flat=True).get(pk=payer_id)
    run = Bill.objects.filter(source=RUN, source_number__in=[f"{code}:{payer}" for code in earlier])
    billed = {number.partition(":")[0] for number in run.values_list("source_number", flat=True)}
    return {number for number, code in anew.items() if code not in billed}


def run_term(held: Holding, account_id: int, book: PriceBook, today: date) -> int | None:
    """Fen that a month's bill said for the further term of today, as put right since; None: not billed yet."""
    terms = book.terms.get(held.offer)
    term = running_term(held, terms, today) if terms is not None and terms.cycle == "TERM" else None
    if term is None or (term[0] == held.begins_on and held.paid_until is not None):
        return None
    month = Period.containing(term[0]).code
    payer_id = payers.of_account(account_id, on=term[0])
    payer = BillingAccount.every.values_list("number", flat=True).get(pk=payer_id)
    lines = run_lines(held.ref)
    of_month = lines.filter(bill__source_number=f"{month}:{payer}").exclude(code=CORRECTION)
    cents: int | None = of_month.aggregate(cents=Sum("amount_cents"))["cents"]
    if cents is None:
        return None
    since = lines.filter(code=CORRECTION, bill__period__gt=month)
    return cents + (since.aggregate(cents=Sum("amount_cents"))["cents"] or 0)


def run_lines(number: str) -> "QuerySet[BillLine]":
    """The lines of months' bills about one subscription, of whoever paid for it."""
    of_it = Subscription.objects.filter(number=number)
    heads = FamilyMember.objects.filter(account_id__in=of_it.values("account_id"))
    either = Q(bill__account_id__in=of_it.values("account_id")) | Q(
        bill__account_id__in=heads.values("family__payer_id")
    )
    return BillLine.objects.filter(either, bill__source=RUN, source_kind="subscription", source_id=number)
