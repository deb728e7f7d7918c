"""Halls, as everybody finds them."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import Region
from content import rules
from content.rules import Point
from content.selectors import halls as reads
from core import clock

MOST_SHOWN = 200
_POLICY = "Permissions-Policy"


@require_safe
def halls(request: HttpRequest) -> HttpResponse:
    """All halls, or those of one city or district (`place`), or those that are `open=now`; with `near`, the nearest
    first. Where the reader is comes from his browser after he has agreed, and is not kept."""
    now = clock.now()
    place, near = _place(request), _near(request)
    found = reads.shown(reads.listed(as_of=now, within=place)[:MOST_SHOWN], as_of=now)
    is_open = request.GET.get("open") == "now"
    if is_open:
        found = [each for each in found if each.opening.is_open]
    city = reads.upto(place, Region.Level.CITY) if place else None
    context = {
        "halls": reads.nearest(found, near) if near else found,
        "places": reads.places(as_of=now),
        "districts": reads.districts(city, as_of=now) if city else [],
        "place": place,
        "city": city or place,
        "near": near,
        "is_open": is_open,
    }
    response = render(request, "content/halls.html", context)
    # The one page that may ask the browser where it is.
    policy = settings.SECURITY_HEADERS[_POLICY]
    response.headers[_POLICY] = policy.replace("geolocation=()", "geolocation=(self)")
    return response


def _place(request: HttpRequest) -> Region | None:
    code = request.GET.get("place", "")
    return get_object_or_404(Region, code=code) if code else None


def _near(request: HttpRequest) -> Point | None:
    given = request.GET.get("near", "")
    found = rules.point(given)
    if given and found is None:
        raise Http404
    return found


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
