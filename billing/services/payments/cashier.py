"""On the way to the gateway's cashier, and back from it. No transaction is open while a gateway is asked."""

import logging
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.gateways import registry
from billing.gateways.base import Charge, GatewayError, Instruction
from billing.models import Payment, PaymentState
from billing.models.payments import UNDECIDED
from billing.services.payments import payments
from core import pokes
from core.actor import Actor
from core.errors import Conflict, HallError

log = logging.getLogger(__name__)
ASKED_AT_MOST_EVERY = 5  # seconds
SETTLE_TASK = "billing.settle_undecided"


class NotPayable(Conflict):
    """Decided, past its time, or perhaps paid already: nobody is sent to the cashier with it any more."""

    code = "PAYMENT_NOT_PAYABLE"
    message = gettext_lazy("这笔支付现在不能再付款，请看下面的状态")


class GatewayUnavailable(HallError):
    code = "GATEWAY_UNAVAILABLE"
    message = gettext_lazy("支付渠道暂时连不上，您还没有付款，请稍后再试")
    status = 503


def open_cashier(*, payment: Payment, actor: Actor, as_of: datetime) -> Instruction:
    """The way to the cashier; the payment is PENDING from now on. Raises NotPayable, GatewayUnavailable.

    However often it is asked for, it is one order at the gateway, which is told of it once.
    """
    if payment.state not in (PaymentState.CREATED, PaymentState.PENDING) or payment.expires_at <= as_of:
        raise NotPayable()
    sent = payments.sent_to_cashier(payment_id=payment.pk, as_of=as_of, actor=actor)
    if sent.state != PaymentState.PENDING:
        raise NotPayable()
    try:
        return _instruction(payment, as_of)
    except (GatewayError, ImproperlyConfigured) as error:
        log.exception("no way to the cashier", extra={"payment": payment.reference})
        raise GatewayUnavailable() from error


def ask_soon(*, payment_id: int, as_of: datetime) -> bool:
    """The customer came back: workers ask the gateway at once. False: decided already, or asked for just now."""
    if not cache.add(f"billing.ask_soon:{payment_id}", 1, ASKED_AT_MOST_EVERY):
        return False
    undecided = Payment.objects.filter(pk=payment_id, state__in=UNDECIDED)
    if not undecided.update(next_query_at=as_of):
        return False
    pokes.after_commit(SETTLE_TASK, queue="payments")
    return True


def _instruction(payment: Payment, as_of: datetime) -> Instruction:
    """A QR code is remembered until the payment's end: its page is loaded again and again, the gateway is not asked.

    It is no secret: whoever has it can only pay this payment. A redirect is signed anew each time, without network.
    """
    key = f"billing.qr:{payment.reference}"
    if code := cache.get(key):
        return Instruction(kind="qr", url=code)
    made = registry.get(payment.gateway).create(_charge(payment))
    if made.kind == "qr":
        cache.set(key, made.url, (payment.expires_at - as_of).total_seconds())
    return made


def _charge(payment: Payment) -> Charge:
    """The same for every visitor, or the gateway would take it for another order under the same number."""
    back = reverse("billing:return", args=[payment.gateway])
    with translation.override(settings.LANGUAGE_CODE):
        subject = _("户号 %(number)s 缴费") % {"number": payment.account.number}
    return Charge(
        reference=payment.reference,
        amount_cents=payment.amount_cents,
        subject=subject,
        created_at=payment.created_at,
        expires_at=payment.expires_at,
        return_url=f"{settings.BASE_URL}{back}",
        notify_url=registry.notify_url(payment.gateway),
    )
