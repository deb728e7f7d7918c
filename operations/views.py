from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from core.errors import NotFound
from operations import flow, registry
from operations.models import Slip, SlipState
from operations.selectors import slips

PER_PAGE = 20


@login_required
@require_GET
def operation_list(request: HttpRequest) -> HttpResponse:
    found = registry.available(flow.context_of(request))
    return render(request, "operations/list.html", {"operations": found})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def operation_form(request: HttpRequest, code: str) -> HttpResponse:
    return flow.respond(request, operation=code)


@login_required
@require_GET
def requests(request: HttpRequest) -> HttpResponse:
    page = Paginator(slips.of_user(request.user), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "operations/requests.html", {"page_obj": page})


@login_required
@require_GET
@never_cache
def slip(request: HttpRequest, number: str) -> HttpResponse:
    """The slip; asked by its own page while under way, only whether to load it anew."""
    try:
        found = slips.one_of_user(request.user, number)
    except NotFound as error:
        raise Http404 from error
    if request.headers.get("HX-Request"):
        return _poll_answer(found)
    return render(request, "operations/slip.html", {"slip": found, "steps": list(found.history.all())[::-1]})


def _poll_answer(found: Slip) -> HttpResponse:
    if found.state == SlipState.IN_PROGRESS:
        return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"})
