"""Paying by a link, without a log-in: what is due, which gateway, and what became of it. Nothing else of the account.

Whoever holds the token may do this and no more; the token stands in the address alone and in a cookie that only brings
the browser back from the cashier.
"""

from collections.abc import Callable
from typing import Any

import segno
from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import names
from billing.gateways import registry as gateways
from billing.models import PayLink, PayLinkState, PaymentState
from billing.selectors import pay_links as reads
from billing.services.payments import cashier as cashiers
from billing.services.payments import pay_links, settling
from billing.views.payments import CLOSED, STOP_POLLING, WAITING, Shown
from core import clock, limits
from core.actor import Actor
from core.errors import HallError, NotFound, TooManyRequests

COOKIE = "pay_link"
COOKIE_SECONDS = 3_600
QR = "qr"  # ?seen=qr: asked by the page with the code, which has nothing to show once it is paid
WRONG_PER_HOUR = 30  # tokens that fit nothing, from one address
_WRONG_SECONDS = 3_600


class PayForm(forms.Form):
    gateway = forms.ChoiceField(label=gettext_lazy("支付方式"), widget=forms.RadioSelect)
    cents = forms.IntegerField(widget=forms.HiddenInput)  # what was shown

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        gateway = self.fields["gateway"]
        assert isinstance(gateway, forms.ChoiceField)
        gateway.choices = gateways.offered()


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def pay_link(request: HttpRequest, token: str) -> HttpResponse:
    """What is due and by what to pay it (POST: on to the cashier); once there is a payment, what became of it."""
    link, as_of = _link(request, token), clock.now()
    shown = _shown(request, link)
    if shown is not None and shown.kind != CLOSED:
        if shown.is_back:
            cashiers.ask_soon(payment_id=shown.payment.pk, as_of=as_of)
        return _page(request, "billing/pay_link_payment.html", token, shown=shown)
    if not link.is_open(as_of):
        return _page(request, "billing/pay_link_ended.html", token, status=pay_links.LinkEnded.status)
    error: HallError | None = None
    form = PayForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return _start(request, link, token, form)
        except HallError as refusal:
            error = refusal
    cents = reads.amount(link, as_of=as_of)
    offered = [code for code, _name in gateways.offered()]
    if error is not None or not form.is_bound:
        form = PayForm(initial={"gateway": next(iter(offered), "")})
    context = {"form": form, "cents": cents, "error": error, "closed": shown}
    status = error.status if error else 422 if form.errors else 200
    return _page(request, "billing/pay_link.html", token, status=status, link=link, **context)


@require_GET
@never_cache
def pay_link_status(request: HttpRequest, token: str) -> HttpResponse:
    """For the page itself: 204 while what it shows still holds, the settled content once there is a result."""
    now = _shown(request, _link(request, token))
    if request.GET.get("seen") == QR:
        is_waiting = now is not None and now.kind == WAITING
        return HttpResponse(status=204, headers={} if is_waiting else {"HX-Redirect": _address(token)})
    if now is None or now.kind == CLOSED:
        return HttpResponse(headers={"HX-Refresh": "true"})
    if now.is_settled:
        return _page(request, "billing/pay_link_settled.html", token, status=STOP_POLLING, shown=now)
    if now.kind == request.GET.get("seen"):
        return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"})


@require_GET
@never_cache
def pay_link_cashier(request: HttpRequest, token: str) -> HttpResponse:
    """On to the gateway's cashier with the link's payment, or to its QR code."""
    link, as_of = _link(request, token), clock.now()
    if link.payment is None:
        return redirect("billing:pay_link", token)
    try:
        instruction = cashiers.open_cashier(payment=link.payment, actor=_actor(link), as_of=as_of)
    except HallError as error:
        messages.warning(request, error.text)
        return redirect("billing:pay_link", token)
    if instruction.kind == "qr":
        picture = segno.make(instruction.url, error="m", micro=False).png_data_uri(scale=8, border=4)
        shown, gateway = _shown(request, link), gateways.name(link.payment.gateway)
        context: dict[str, Any] = {"shown": shown, "picture": picture, "gateway": gateway}
        context["code"] = instruction.url
        return _page(request, "billing/pay_link_qr.html", token, **context)
    response = HttpResponseRedirect(instruction.url)
    response.set_cookie(
        COOKIE,
        token,
        max_age=COOKIE_SECONDS,
        path=reverse("billing:return", args=["x"])[: -len("x/")],
        httponly=True,
        samesite="Lax",
        secure=request.is_secure(),
    )
    return response


@require_POST
def pay_link_cancel(request: HttpRequest, token: str) -> HttpResponse:
    """Gives the link's payment up; the gateway is told first. The link may start another one."""
    link = _link(request, token)
    if link.payment is not None:
        try:
            state = settling.cancel(payment_id=link.payment.pk, actor=_actor(link), as_of=clock.now())
        except HallError as error:
            messages.warning(request, error.text)
        else:
            if state == PaymentState.EXPIRED:
                messages.success(request, _("这笔支付已取消，没有扣款"))
    return redirect("billing:pay_link", token)


def back_to_link(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Around the page to which cashiers return: who came from a link goes back to it, nobody needs a log-in for that.

    What the browser brings only chooses the page; the payment is decided by its gateway's word.
    """

    def returned(request: HttpRequest, gateway: str) -> HttpResponse:
        token = request.COOKIES.get(COOKIE, "")
        if token and _belongs(request, token):
            return HttpResponseRedirect(f"{_address(token)}?back=1")
        return view(request, gateway)

    return returned


def _belongs(request: HttpRequest, token: str) -> bool:
    """Whether the payment that the cashier names is the link's; one who brings nothing back was there last."""
    try:
        link = pay_links.find(token)
    except NotFound:
        return False
    if link.payment is None:
        return False
    claimed = request.GET.get("out_trade_no", "")
    return claimed == link.payment.reference or not claimed and not request.user.is_authenticated


def _start(request: HttpRequest, link: PayLink, token: str, form: PayForm) -> HttpResponse:
    pay_links.pay(
        link_id=link.pk,
        gateway=form.cleaned_data["gateway"],
        shown_cents=form.cleaned_data["cents"],
        actor=_actor(link),
        as_of=clock.now(),
    )
    return redirect("billing:pay_link_cashier", token)


def _link(request: HttpRequest, token: str) -> PayLink:
    """The link; 404 for a token that fits none, and after many of those 429."""
    key = f"billing.pay_link.wrong:{limits.client_address(request)}"
    if cache.get(key, 0) >= WRONG_PER_HOUR:
        raise TooManyRequests()
    try:
        return pay_links.find(token)
    except NotFound as error:
        cache.set(key, cache.get(key, 0) + 1, _WRONG_SECONDS)  # racing requests may count as one
        raise Http404 from error


def _shown(request: HttpRequest, link: PayLink) -> Shown | None:
    """The link's last payment as its page tells it; None before there is one."""
    payment = link.payment
    if payment is None:
        return None
    return Shown(
        payment=payment,
        receipt=None if payment.is_undecided else payment.receipts.order_by("id").first(),
        as_of=clock.now(),
        is_back="back" in request.GET,
        may_pay=link.state != PayLinkState.WITHDRAWN,
    )


def _address(token: str) -> str:
    return reverse("billing:pay_link", args=[token])


def _actor(link: PayLink) -> Actor:
    return Actor(f"link:{link.pk}")


def _page(
    request: HttpRequest, template: str, token: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    """A page of the link. Its address is told to nobody: the hall's referrer policy, and no index."""
    link = context.get("link")
    if link is not None:
        context |= {"tail": link.account.number[-4:], "holder": names.masked(link.account.customer.name)}
    response = render(request, template, context | {"token": token}, status=status)
    response.headers["X-Robots-Tag"] = "noindex"
    return response
