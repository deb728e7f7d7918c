"""Where providers report."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core import clock
from notices.models import Channel
from notices.providers import signature
from notices.services import receipts
from notices.services.receipts import Verdict

_STATUS = {Verdict.TAKEN: 200, Verdict.UNKNOWN: 200, Verdict.FORGED: 403, Verdict.UNREADABLE: 400}


@csrf_exempt
@require_POST
def sms_receipt(request: HttpRequest) -> HttpResponse:
    """A receipt of the SMS gateway, or several: {"receipts": [{"body", "signature"} …]}."""
    raw = request.read(receipts.LONGEST_OF_MANY + 1)
    given, as_of = request.headers.get(signature.HEADER, ""), clock.now()
    verdict = receipts.take_many(raw=raw, given_signature=given, as_of=as_of)
    if verdict is None:
        verdict = receipts.take(raw=raw, given_signature=given, as_of=as_of)
    return _answer(verdict)


@csrf_exempt
@require_POST
def email_receipt(request: HttpRequest) -> HttpResponse:
    """One report of the mail provider: delivered, bounced, complained about."""
    verdict = receipts.take(
        raw=request.read(receipts.LONGEST + 1),
        given_signature=request.headers.get(signature.HEADER, ""),
        as_of=clock.now(),
        channel=Channel.EMAIL,
    )
    return _answer(verdict)


def _answer(verdict: Verdict) -> HttpResponse:
    """200 also for what we do not know: sending it again would not help."""
    return HttpResponse(f"{verdict.value}\n", status=_STATUS[verdict], content_type="text/plain")
