"""Bills, receipts, and the page on which bills are paid."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import names
from accounts.rules import Action
from accounts.selectors import accounts
from billing.gateways import registry as gateways
from billing.models import Bill
from billing.selectors import balances, bills, payable
from billing.selectors import payments as payment_reads
from billing.selectors.balances import AccountOverview
from billing.views import documents
from core import clock, money
from core.errors import NotFound
from operations import flow

PER_PAGE = 20
ALL = "all"  # ?period=all: the whole history


@login_required
@require_safe
def bill_list(request: HttpRequest) -> HttpResponse:
    """Six months by default; all of them, or one account's, on request."""
    mine = list(accounts.where(request.user, Action.SEE_BILLS).select_related("customer"))
    number, is_all = request.GET.get("account", ""), request.GET.get("period") == ALL
    if number and number not in {account.number for account in mine}:
        raise Http404
    found = bills.listed(
        request.user,
        today=clock.local_date(clock.now()),
        account_number=number,
        months=None if is_all else bills.MONTHS_SHOWN,
    )
    context = {
        "page_obj": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "accounts": mine,
        "account_number": number,
        "is_all": is_all,
        "months": bills.MONTHS_SHOWN,
        "query": _query(account=number, period=ALL if is_all else ""),
        "query_of_all": _query(account=number, period=ALL),
        "query_of_recent": _query(account=number),
    }
    return render(request, "billing/bills.html", context)


@login_required
@require_safe
def bill(request: HttpRequest, number: str) -> HttpResponse:
    """One bill: what it is made of, what was paid on it and by which receipt."""
    found = _bill(request, number)
    context = {
        "bill": found,
        "undecided": _undecided(request.user, found.account_id),
        "is_payer": payable.accounts_of(request.user).filter(pk=found.account_id).exists(),
        "may_dispute": accounts.may(request.user, found.account_id, Action.DISPUTE),
    }
    return render(request, "billing/bill.html", context | documents.about(found, request.user))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: HttpRequest) -> HttpResponse:
    """The operation bill.pay with its own page: which account, how much, by what."""
    today = clock.local_date(clock.now())
    mine = balances.of_accounts(payable.accounts_of(request.user).select_related("customer"), today=today)
    first = _first_bill(request)
    if first and not first.open_cents and request.method != "POST":
        messages.info(request, _("这张账单不用再缴费"))
        return redirect("billing:bill", first.number)
    if number := _only_seen(request, first):
        return redirect(f"{reverse('billing:pay_other')}?{_query(account_number=number)}")
    chosen = _chosen(request, mine, first)
    return flow.respond(
        request,
        operation="bill.pay",
        form_template="billing/pay.html",
        quote_template="billing/pay_quote.html",
        initial=_initial(chosen, first),
        extra={
            "chosen": chosen,
            "others": [each for each in mine if each is not chosen],
            "bill": first,
            "undecided": _undecided(request.user, chosen.account.pk) if chosen else [],
        },
    )


@login_required
@require_safe
def receipt_list(request: HttpRequest) -> HttpResponse:
    page = Paginator(payment_reads.receipts_of_user(request.user), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "billing/receipts.html", {"page_obj": page})


@login_required
@require_safe
def receipt(request: HttpRequest, number: str) -> HttpResponse:
    """A receipt to keep or to print: how much, when, by what, and which bills it settled.

    Who paid for somebody else sees his money alone; the account's members see that a stranger paid, by a masked name.
    """
    try:
        found = payment_reads.receipt(request.user, number)
    except NotFound:
        return _receipt_of_payer(request, number)
    payer = payment_reads.stranger_who_paid(found)
    context = {"receipt": found, "payer": names.masked(payer.name) or "*" if payer else ""}
    return render(request, "billing/receipt.html", context)


def _receipt_of_payer(request: HttpRequest, number: str) -> HttpResponse:
    try:
        found = payment_reads.receipt_of_payer(request.user, number)
    except NotFound as error:
        raise Http404 from error
    context = {"receipt": found, "holder": names.masked(found.account.customer.name)}
    return render(request, "billing/pay_other_receipt.html", context)


def _bill(request: HttpRequest, number: str) -> Bill:
    try:
        return bills.get(request.user, number)
    except NotFound as error:
        raise Http404 from error


def _first_bill(request: HttpRequest) -> Bill | None:
    """The bill to pay first, if one was named. What was posted is for the operation to judge, not for its page."""
    if request.method != "POST":
        return _bill(request, request.GET["bill"]) if request.GET.get("bill") else None
    number = request.POST.get("bill", "")
    return None if "\0" in number else bills.of_user(request.user).filter(number=number).first()


def _only_seen(request: HttpRequest, first: Bill | None) -> str:
    """The number of the account that was asked for, if the user sees it without the right to pay; else "".

    He may still pay it as anybody may pay for anybody.
    """
    number = first.account.number if first else request.GET.get("account", "")
    if request.method == "POST" or not number or "\0" in number:
        return ""
    seen = accounts.where(request.user, Action.SEE_BILLS).filter(number=number).exists()
    return number if seen and not payable.accounts_of(request.user).filter(number=number).exists() else ""


def _chosen(
    request: HttpRequest, payable: list[AccountOverview], first: Bill | None
) -> AccountOverview | None:
    """The account that was named, or the one that owes first; 404 when it is not one that he may pay."""
    asked = request.POST if request.method == "POST" else request.GET
    number = first.account.number if first else asked.get("account", "")
    named = [each for each in payable if each.account.number == number]
    if not named and number and request.method != "POST":
        raise Http404
    return next(iter(named or payable), None)


def _initial(chosen: AccountOverview | None, first: Bill | None) -> dict[str, Any]:
    """What the form proposes: all that is owed, or the one bill."""
    if chosen is None:
        return {}
    owed = _due_on(first) if first else chosen.due_cents
    return {
        "account": chosen.account.number,
        "bill": first.number if first else "",
        "amount": money.yuan(owed) if owed else "",
        "gateway": next((code for code, _name in gateways.offered()), ""),
    }


def _due_on(bill: Bill) -> int:
    """What pays the bill off today, its penalty included."""
    [owed] = bills.owed([bill], on=clock.local_date(clock.now()))
    return owed.cents + owed.penalty_cents


def _undecided(user: Any, account_id: int) -> list[Any]:
    return [payment for payment in payment_reads.undecided(user) if payment.account_id == account_id]


def _query(**parameters: str) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in parameters.items() if value})
    return query.urlencode()
