"""Where gateways call. No session, no CSRF token: the message's own signature is the proof."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.gateways import registry
from billing.services.payments import intake
from core import clock
from operations.context import client_address


@csrf_exempt
@require_POST
def callback(request: HttpRequest, gateway: str) -> HttpResponse:
    """Answers in the gateway's own words: accepted only when the message is stored and will be applied."""
    try:
        spoken = registry.get(gateway)
    except registry.UnknownGateway:
        return HttpResponse(status=404)
    if int(request.META.get("CONTENT_LENGTH") or 0) > intake.MAX_BODY:
        return HttpResponse(status=413)
    accepted = intake.receive(
        gateway=gateway,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.body,
        address=client_address(request),
        as_of=clock.now(),
    )
    status, body, content_type = spoken.callback_reply(accepted)
    return HttpResponse(body, status=status, content_type=content_type)
