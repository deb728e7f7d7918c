"""Halls, as everybody finds them."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import Region
from content.selectors import halls as reads
from core import clock

MOST_SHOWN = 200


@require_safe
def halls(request: HttpRequest) -> HttpResponse:
    """All halls, or those of one city (`place`), with whether they are open now."""
    now = clock.now()
    code = request.GET.get("place", "")
    place = get_object_or_404(Region, code=code) if code else None
    found = reads.shown(reads.listed(as_of=now, within=place)[:MOST_SHOWN], as_of=now)
    context = {"halls": found, "places": reads.places(as_of=now), "place": place}
    return render(request, "content/halls.html", context)


@require_safe
def hall(request: HttpRequest, code: str) -> HttpResponse:
    now = clock.now()
    found = reads.one(code, as_of=now)
    if found is None:
        raise Http404
    context = {
        "shown": found,
        "hall": found.hall,
        "hours": reads.table(found, as_of=now),
        "exceptions": reads.exceptions(found.hall, as_of=now),
    }
    return render(request, "content/hall.html", context)
