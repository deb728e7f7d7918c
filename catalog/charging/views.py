"""The next bill before it is there, and which offer would have been cheapest."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import BillingAccount
from accounts.rules import Action
from accounts.selectors import accounts
from catalog.charging.selectors import advice as advising
from catalog.charging.selectors import previews
from catalog.charging.selectors.previews import Preview
from catalog.holdings.selectors import payers
from catalog.offers import lines
from catalog.offers.lines import Names
from catalog.pricing import PricingError
from core import clock

MONTHS = (3, 6, 12)  # of which the adviser's page offers the choice


@login_required
@require_safe
def next_bill(request: HttpRequest) -> HttpResponse:
    """Of the account that was named, or of the user's first; 404 for a stranger's."""
    today = clock.local_date(clock.now())
    mine, chosen = _accounts(request)
    context: dict[str, Any] = {"accounts": mine, "account": chosen, "shown": [], "is_payer": True}
    if chosen is not None:
        context["is_payer"] = payers.of_account(chosen.pk, on=today) == chosen.pk
        try:
            known = lines.names()
            context["shown"] = [_shown(each, known) for each in previews.coming(chosen, on=today)]
        except PricingError:
            context["is_unknown"] = True
    return render(request, "catalog/charging/next_bill.html", context)


@login_required
@require_safe
def advice(request: HttpRequest) -> HttpResponse:
    """By the last 3 to 12 charged months (`months`) of the account that was named, or of the user's first."""
    now = clock.now()
    mine, chosen = _accounts(request)
    months = _months(request.GET.get("months", ""))
    found = advising.of(chosen, as_of=now, most=months) if chosen is not None else None
    context = {
        "accounts": mine,
        "account": chosen,
        "months": months,
        "choices": MONTHS,
        "advisory": found,
        "names": lines.names().offers if found and found.advised else {},
        "least": advising.LEAST_MONTHS,
    }
    return render(request, "catalog/charging/advice.html", context)


def _accounts(request: HttpRequest) -> tuple[list[BillingAccount], BillingAccount | None]:
    """The user's accounts whose bills he may see, and the chosen one."""
    mine = list(accounts.where(request.user, Action.SEE_BILLS))
    number = request.GET.get("account", "")
    chosen = next((each for each in mine if each.number == number), None)
    if number and chosen is None:
        raise Http404
    return mine, chosen or next(iter(mine), None)


def _shown(each: Preview, known: Names) -> dict[str, Any]:
    return {
        "preview": each,
        "beside": previews.beside(each, known),
        "corrections": previews.correction_rows(each.bill, known),
    }


def _months(text: str) -> int:
    """One of the choices; the longest for anything else."""
    return int(text) if text in {str(each) for each in MONTHS} else MONTHS[-1]
