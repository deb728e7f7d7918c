"""The page on which a number is had back: what waits, until when, what is owed first, and on which offer it goes on."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.rules import Action
from accounts.selectors import accounts
from arrears.operations.number_restore import CODE, fits
from arrears.selectors import restorable
from arrears.selectors.restorable import Kept
from arrears.templatetags.arrears import pay_url
from catalog.models import Subscription
from catalog.offers.selectors import shelf
from catalog.offers.selectors.shelf import Shown
from core import clock
from operations import flow


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def restore(request: HttpRequest) -> HttpResponse:
    """number.restore with its own page."""
    ctx = flow.context_of(request)
    found = restorable.all_kept(ctx.served, as_of=ctx.as_of)
    asked = (request.POST if request.method == "POST" else request.GET).get("subscription", "")
    chosen = next((each for each in found if each.line.number == asked), found[0] if found else None)
    return flow.respond(
        request,
        operation=CODE,
        form_template="arrears/restore.html",
        quote_template="catalog/orders/quote.html",
        initial={"subscription": chosen.line.number if chosen else ""},
        extra={
            "kept": found,
            "chosen": chosen,
            "pay": _pay(ctx.served, chosen),
            "offers": _offers(chosen.line) if chosen else [],
        },
    )


def _pay(user: Any, chosen: Kept | None) -> str:
    """Where he pays what is owed first, or else what is disputed, if it is his to pay."""
    numbers = (*chosen.owing, *chosen.disputing) if chosen else ()
    if not numbers or not accounts.where(user, Action.PAY).filter(number=numbers[0]).exists():
        return ""
    return pay_url(numbers[0])


def _offers(line: Subscription) -> list[Shown]:
    """What the number can go on with, at the account's own prices."""
    now = clock.now()
    viewer = shelf.holder(line.account, clock.local_date(now))
    return [each for each in shelf.on_sale(viewer, now) if each.is_eligible and fits(each.offer, line)]
