"""An account's credit on its page: what it is made of, how it came about, and what can be done with it."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.rules import Action
from accounts.selectors import accounts
from billing.gateways import registry
from billing.selectors import credits, debits, payable
from core import clock

PER_PAGE = 20


@login_required
@require_safe
def balance(request: HttpRequest) -> HttpResponse:
    """The user's accounts with their credit; the entries of the one that was named, or of the first."""
    today = clock.local_date(clock.now())
    mine = accounts.where(request.user, Action.SEE_BILLS).select_related("customer")
    found = credits.of_accounts(list(mine), today=today)
    number = request.GET.get("account", "")
    chosen = next((each for each in found if each.overview.account.number == number), None)
    if number and chosen is None:
        raise Http404
    chosen = chosen or next(iter(found), None)
    if chosen is None:
        return render(request, "billing/balance.html", {"chosen": None})
    account = chosen.overview.account
    is_owner = payable.owned_by(request.user).filter(pk=account.pk).exists()
    debit = debits.open_of(account)
    context = {
        "credits": found,
        "chosen": chosen,
        "page_obj": Paginator(credits.entries(account), PER_PAGE).get_page(request.GET.get("page")),
        "query": f"account={account.number}",
        "is_owner": is_owner,
        "may_top_up": payable.topped_up_by(request.user).filter(pk=account.pk).exists(),
        "has_debit": bool(debit) or (is_owner and registry.offers_debit()),
        "debit": debit,
        "is_signer": debit is not None and debit.user_id == request.user.pk,
    }
    return render(request, "billing/balance.html", context)
