"""申诉: what the customer disputed, by when he is answered, and the answer."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from arrears.selectors import escalations as reads
from core import clock
from operations import registry
from operations.templatetags.slips import operation_url

OPERATION = "service.dispute_disconnection"


@login_required
@require_safe
@never_cache
def escalations(request: HttpRequest) -> HttpResponse:
    """Those of the accounts whose bills this user may dispute, the newest first."""
    operation = registry.find(OPERATION) if reads.disputable(request.user).exists() else None
    context = {
        "rows": reads.of_customer(request.user)[:50],
        "today": clock.local_date(clock.now()),
        "dispute": operation_url(operation) if operation else "",
    }
    return render(request, "arrears/escalations.html", context)
