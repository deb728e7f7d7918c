"""A payment on its way: to the cashier, back from it, and what became of it."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import segno
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from billing.gateways import alipay, registry, wechatpay
from billing.gateways.base import CallbackRejected
from billing.models import Payment, PaymentState, Receipt
from billing.selectors import payable
from billing.selectors import payments as payment_reads
from billing.services.payments import cashier as cashiers
from billing.services.payments import settling
from core import clock
from core.actor import Actor
from core.errors import Forbidden, HallError, NotFound

QR_REFRESH_SECONDS = 10  # for browsers without scripts
STOP_POLLING = 286  # htmx shows the answer and asks no more

PAID, LATE, WAITING, CHECKING, CLOSED = "paid", "late", "waiting", "checking", "closed"
_TITLES = {
    PAID: gettext_lazy("支付成功"),
    LATE: gettext_lazy("钱已到账"),
    WAITING: gettext_lazy("等待支付"),
    CHECKING: gettext_lazy("正在确认支付结果"),
    CLOSED: gettext_lazy("这笔支付已关闭"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A payment as its page tells it. `is_back`: the customer says that he has been at the cashier."""

    payment: Payment
    receipt: Receipt | None
    as_of: datetime
    is_back: bool
    may_pay: bool
    again: str = ""  # where to start over

    @property
    def kind(self) -> str:
        """paid · late (money came after it was closed) · waiting (for the customer) · checking · closed"""
        if self.payment.state == PaymentState.SUCCEEDED:
            return PAID
        if not self.payment.is_undecided:
            return LATE if self.receipt else CLOSED
        past = self.payment.expires_at <= self.as_of
        return CHECKING if self.is_back or past or self.payment.state == PaymentState.UNKNOWN else WAITING

    @property
    def title(self) -> Any:
        return _TITLES[self.kind]

    @property
    def is_settled(self) -> bool:
        return not self.payment.is_undecided


def shown(request: HttpRequest, reference: str) -> Shown:
    """The payment, or 404 for anybody else's."""
    payment = _payment(request, reference)
    return Shown(
        payment=payment,
        receipt=None if payment.is_undecided else payment.receipts.order_by("id").first(),
        as_of=clock.now(),
        is_back="back" in request.GET,
        may_pay=_may_pay(request.user, payment),
        again=_again(request.user, payment),
    )


@login_required
@require_safe
@never_cache
def payment_page(request: HttpRequest, reference: str) -> HttpResponse:
    """What became of a payment. It looks again by itself until there is a result."""
    return render(request, "billing/payment.html", {"shown": shown(request, reference)})


@login_required
@require_GET
@never_cache
def payment_status(request: HttpRequest, reference: str) -> HttpResponse:
    """For the page itself: 204 while what it shows still holds, the settled content once there is a result."""
    now = shown(request, reference)
    if now.is_settled:
        return render(request, "billing/payment_settled.html", {"shown": now}, status=STOP_POLLING)
    if now.kind == request.GET.get("seen"):
        return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"})


@login_required
@require_GET
@never_cache
def cashier(request: HttpRequest, reference: str) -> HttpResponse:
    """On to the gateway's cashier, or its QR code, while the payment may be paid; else to the page that says why."""
    payment = _payment_to_pay(request, reference)
    try:
        instruction = cashiers.open_cashier(
            payment=payment, actor=Actor.user(request.user), as_of=clock.now()
        )
    except HallError as error:
        messages.warning(request, error.text)
        return redirect("billing:payment", reference)
    if instruction.kind == "qr":
        return _qr_page(request, payment, instruction.url)
    return HttpResponseRedirect(instruction.url)


def _qr_page(request: HttpRequest, payment: Payment, code: str) -> HttpResponse:
    """A picture of the code: an image, so that a telephone can keep it and scan it from its album."""
    now = clock.now()
    context = {
        "shown": Shown(payment=payment, receipt=None, as_of=now, is_back=False, may_pay=True),
        "picture": segno.make(code, error="m", micro=False).png_data_uri(scale=8, border=4),
        "code": code,
        "gateway": registry.name(payment.gateway),
        "seconds_left": math.ceil((payment.expires_at - now).total_seconds()),
        "refresh_seconds": QR_REFRESH_SECONDS,
    }
    return render(request, "billing/cashier_qr.html", context)


@login_required
@require_POST
def cancel(request: HttpRequest, reference: str) -> HttpResponse:
    """Gives a payment up; the gateway is told first, so that it cannot be paid later."""
    payment = _payment_to_pay(request, reference)
    try:
        state = settling.cancel(payment_id=payment.pk, actor=Actor.user(request.user), as_of=clock.now())
    except HallError as error:
        messages.warning(request, error.text)
    else:
        if state == PaymentState.EXPIRED:
            messages.success(request, _("这笔支付已取消，没有扣款"))
    return redirect("billing:payment", reference)


@login_required
@require_GET
@never_cache
def gateway_return(request: HttpRequest, gateway: str) -> HttpResponse:
    """The browser is back from the cashier. What it brings chooses the page and makes us ask; it decides nothing."""
    if gateway == wechatpay.CODE:
        return _to_checking(_payment(request, request.GET.get("reference", "")))
    if gateway != alipay.CODE:
        raise Http404
    query = request.META.get("QUERY_STRING", "")
    if not query:  # the link back of a customer who did not pay
        return _to_newest(request)
    try:
        claim = registry.alipay_gateway().parse_return(query)
    except (CallbackRejected, ImproperlyConfigured):
        messages.warning(request, _("没能读懂支付渠道带回的内容，请以这里显示的状态为准"))
        return _to_newest(request)
    return _to_checking(_payment(request, claim.reference))


def _to_checking(payment: Payment) -> HttpResponse:
    """The customer says that he has paid: workers ask the gateway, and his page waits for the answer."""
    cashiers.ask_soon(payment_id=payment.pk, as_of=clock.now())
    return HttpResponseRedirect(reverse("billing:payment", args=[payment.reference]) + "?back=1")


def _payment(request: HttpRequest, reference: str) -> Payment:
    try:
        return payment_reads.get(request.user, reference)
    except NotFound as error:
        raise Http404 from error


def _payment_to_pay(request: HttpRequest, reference: str) -> Payment:
    payment = _payment(request, reference)
    if not _may_pay(request.user, payment):
        raise Forbidden()
    return payment


def _again(user: Any, payment: Payment) -> str:
    """The page on which this user pays into that account: his own bills', or the one for somebody else's."""
    if payable.accounts_of(user).filter(pk=payment.account_id).exists():
        return f"{reverse('billing:pay')}?{urlencode({'account': payment.account.number})}"
    return f"{reverse('billing:pay_other')}?{urlencode({'account_number': payment.account.number})}"


def _may_pay(user: Any, payment: Payment) -> bool:
    """Whoever started it, and whoever may pay the account's bills."""
    return payment.payer_id == user.pk or payable.accounts_of(user).filter(pk=payment.account_id).exists()


def _to_newest(request: HttpRequest) -> HttpResponse:
    undecided = payment_reads.undecided(request.user)
    if undecided:
        return redirect("billing:payment", undecided[0].reference)
    return redirect("hall:home")
