"""On to the bank to sign a debit agreement, and back from it."""

import logging

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from billing.gateways.base import GatewayError
from billing.models import DebitAgreement, DebitAgreementState
from billing.selectors import debits as reads
from billing.services.debits import debit_agreements
from core import clock
from core.actor import Actor
from core.errors import HallError

log = logging.getLogger(__name__)


@login_required
@require_GET
@never_cache
def debit_sign(request: HttpRequest, reference: str) -> HttpResponse:
    """On to the bank's page while the agreement may be signed; else to the balance, which says why."""
    row = reads.signed_by(request.user, reference)
    try:
        return redirect(debit_agreements.sign_url(row, as_of=clock.now()))
    except HallError as error:
        messages.warning(request, error.text)
        return _to_balance(row)


@login_required
@require_GET
@never_cache
def debit_return(request: HttpRequest, reference: str) -> HttpResponse:
    """The customer comes back: the bank is asked how it stands. What the browser brought is no proof of anything."""
    row = reads.signed_by(request.user, reference)
    try:
        row = debit_agreements.refresh(row, actor=Actor.user(request.user), as_of=clock.now())
    except (GatewayError, ImproperlyConfigured):
        log.exception("agreement not asked about", extra={"agreement": row.reference})
    if row.state == DebitAgreementState.ACTIVE:
        messages.success(request, _("银行代扣已开通，每笔扣款前都会短信通知您。"))
    elif row.state == DebitAgreementState.ENDED:
        messages.warning(request, _("没有签约，银行代扣没有开通。"))
    else:
        messages.info(request, _("银行还没有确认签约，确认后短信通知您。"))
    return _to_balance(row)


def _to_balance(row: DebitAgreement) -> HttpResponse:
    return redirect(f"{reverse('billing:balance')}?{urlencode({'account': row.account.number})}")
