"""The hall's addresses and the bare views, so that they run on one kind of server."""

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from benchmarks import bare
from benchmarks.models import BareRow
from core import clock
from hall.urls import urlpatterns as hall_urlpatterns


@csrf_exempt
def bare_insert(request: HttpRequest) -> HttpResponse:
    """The yardstick: one ORM INSERT of the body, nothing checked."""
    BareRow.objects.create(reference="bare", body=request.body, received_at=clock.now())
    return HttpResponse(b"success", content_type="text/plain")


urlpatterns = [
    path("bench/bare-insert/", bare_insert),
    path("bench/same/", bare.same),
    path("bench/plain/", bare.plain),
    *hall_urlpatterns,
]
