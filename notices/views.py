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
    """One receipt of the SMS gateway."""
    return _taken(request, Channel.SMS)


@csrf_exempt
@require_POST
def email_receipt(request: HttpRequest) -> HttpResponse:
    """One report of the mail provider: delivered, bounced, complained about."""
    return _taken(request, Channel.EMAIL)


def _taken(request: HttpRequest, channel: Channel) -> HttpResponse:
    """Answers 200 also for what it does not know: sending it again would not help."""
    verdict = receipts.take(
        raw=request.read(receipts.LONGEST + 1),
        given_signature=request.headers.get(signature.HEADER, ""),
        as_of=clock.now(),
        channel=channel,
    )
    return HttpResponse(f"{verdict.value}\n", status=_STATUS[verdict], content_type="text/plain")
