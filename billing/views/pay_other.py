"""Paying into somebody else's account, and the receipt for it."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from billing.gateways import registry as gateways
from operations import flow


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def pay_other(request: HttpRequest) -> HttpResponse:
    """The operation bill.pay_other with its own page."""
    return flow.respond(
        request,
        operation="bill.pay_other",
        form_template="billing/pay_other.html",
        quote_template="billing/pay_other_quote.html",
        initial={"gateway": next((code for code, _name in gateways.offered()), "")},
    )
