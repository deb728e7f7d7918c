"""Ordering, changing and cancelling, and the orders that came of it."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import BillingAccount
from catalog.holdings.models import Subscription, SubscriptionState
from catalog.offers.models import Offer
from catalog.offers.selectors import shelf
from catalog.offers.selectors.shelf import Shown
from catalog.orders.models import OrderState
from catalog.orders.operations.base import held_of, orderable
from catalog.orders.operations.package_change import leads_to
from catalog.orders.selectors import orders as reads
from catalog.orders.selectors.takes import takes_number
from core import clock
from core.errors import NotFound
from operations import flow

PER_PAGE = 20
MOST = 20  # offers that one order may name in an address


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def order(request: HttpRequest) -> HttpResponse:
    """package.order with its own page: what it costs, what must come with it, what the next bills will be."""
    mine = list(orderable(_served(request)).filter(closed_at=None).select_related("customer"))
    account = _account(request, mine)
    chosen = _asked(request).getlist("offers") or request.GET.getlist("offer")
    found = _shown(chosen, account)
    return flow.respond(
        request,
        operation="package.order",
        form_template="catalog/orders/order.html",
        quote_template="catalog/orders/quote.html",
        initial={"account": account.number if account else "", "offers": chosen},
        extra={
            "accounts": mine,
            "chosen_account": account,
            "chosen": found,
            "partners": _partners(found, account),
            "takes_number": any(takes_number(each.offer) for each in found),
            "addresses": _addresses(mine),
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    """package.change: what is held, and what it can turn into at which price."""
    held = list(held_of(_served(request)).order_by("account__number", "number"))
    number = _asked(request).get("subscription", "")
    current = next((row for row in held if row.number == number), held[0] if len(held) == 1 else None)
    return flow.respond(
        request,
        operation="package.change",
        form_template="catalog/orders/change.html",
        quote_template="catalog/orders/quote.html",
        initial={"subscription": current.number if current else ""},
        extra={"held": held, "current": current, "targets": _targets(current)},
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest) -> HttpResponse:
    """package.cancel."""
    held = list(held_of(_served(request)).order_by("account__number", "number"))
    return flow.respond(
        request,
        operation="package.cancel",
        form_template="catalog/orders/cancel.html",
        quote_template="catalog/orders/quote.html",
        initial={"subscription": _asked(request).get("subscription", "")},
        extra={"held": held},
    )


@login_required
@require_safe
def order_list(request: HttpRequest) -> HttpResponse:
    """The user's orders, newest first; `state` narrows."""
    found = reads.of_user(request.user)
    state = request.GET.get("state", "")
    if state in OrderState.values:
        found = found.filter(state=state)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {"page_obj": page, "state": state, "states": OrderState.choices}
    return render(request, "catalog/orders/list.html", context)


@login_required
@require_safe
@never_cache
def detail(request: HttpRequest, number: str) -> HttpResponse:
    """One order with its steps; asked by its own page while under way, only whether to load it anew."""
    try:
        shown = reads.one(request.user, number)
    except NotFound as error:
        raise Http404 from error
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Refresh": "true"}) if shown.is_over else HttpResponse(status=204)
    return render(request, "catalog/orders/detail.html", {"shown": shown, "order": shown.order})


def _served(request: HttpRequest) -> Any:
    return flow.context_of(request).served


def _asked(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else request.GET


def _account(request: HttpRequest, mine: list[BillingAccount]) -> BillingAccount | None:
    """The account that was named, or the first; 404 when it is not one on which he may order."""
    number = _asked(request).get("account", "")
    named = next((each for each in mine if each.number == number), None)
    if named is None and number and request.method != "POST":
        raise Http404
    return named or next(iter(mine), None)


def _shown(codes: list[str], account: BillingAccount | None) -> list[Shown]:
    """These offers at the account's own prices."""
    if account is None:
        return []
    now = clock.now()
    clean = [code for code in codes[:MOST] if "\0" not in code]
    return shelf.some(clean, shelf.holder(account, clock.local_date(now)), now)


def _partners(found: list[Shown], account: BillingAccount | None) -> list[Shown]:
    """What must come with them and is not there yet. Shown with its price, ticked by the customer alone."""
    held = Subscription.objects.filter(
        account=account, state__in=(SubscriptionState.PENDING, SubscriptionState.ACTIVE)
    )
    own = {each.offer.code for each in found} | set(held.values_list("offer__code", flat=True))
    codes = [other.code for each in found for _kind, other in each.partners if other.code not in own]
    return _shown(codes, account)


def _addresses(mine: list[BillingAccount]) -> list[str]:
    rows = Subscription.objects.filter(account__in=mine).exclude(address="")
    return list(rows.order_by("address").values_list("address", flat=True).distinct()[:MOST])


def _targets(current: Subscription | None) -> list[Shown]:
    """What this may turn into, at the account's own prices, those it is for first."""
    if current is None:
        return []
    now = clock.now()
    viewer = shelf.holder(current.account, clock.local_date(now))
    held: Offer = current.offer
    return [
        each
        for each in shelf.on_sale(viewer, now)
        if each.offer.pk != held.pk and each.is_eligible and leads_to(held, each.offer)
    ]
