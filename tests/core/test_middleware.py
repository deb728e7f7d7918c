import logging
import re
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from django.utils.translation import gettext_lazy

from core import logs, metrics
from core.errors import Conflict, HallError
from core.middleware import HallErrorMiddleware, RequestContextMiddleware
from hall import urls as hall_urls
from hall.settings import base
from tests.accounts import build

URL = "/tests/thing/17/"


class Taken(Conflict):
    code = "TAKEN"
    message = gettext_lazy("<b>taken</b>")


def thing(request: HttpRequest, number: int) -> HttpResponse:
    if "refuse" in request.GET:
        raise Taken()
    if "break" in request.GET:
        raise ZeroDivisionError
    return HttpResponse(logs.request_id.get())


urlpatterns = [
    path("tests/thing/<int:number>/", thing),
    path("tests/own/", lambda request: own(request)),
    *hall_urls.urlpatterns,
]
MIDDLEWARE = ["core.middleware.RequestContextMiddleware", "core.middleware.HallErrorMiddleware"]


@pytest.fixture
def client(settings: Any) -> Client:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = MIDDLEWARE
    return Client(raise_request_exception=False)


def access_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.name == "hall.access"]


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "hall.access")
    return caplog


@pytest.mark.parametrize("given", ["abcd1234", "A-1-b-2-C-3", "0" * 64])
def test_a_good_request_id_is_taken_over_and_answered(client: Client, given: str) -> None:
    answer = client.get(URL, headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given
    assert answer.content.decode() == given


@pytest.mark.parametrize(
    "given", ["", "short12", "0" * 65, "with space", "a\nb-injected", "值值值值值值值值", "a;b;c;d;e"]
)
def test_any_other_is_replaced(client: Client, given: str) -> None:
    answer = client.get(URL, HTTP_X_REQUEST_ID=given)
    assert re.fullmatch("[0-9a-f]{24}", answer.headers["X-Request-ID"])


def test_each_request_has_its_own_and_nothing_stays_behind(client: Client) -> None:
    assert client.get(URL).content != client.get(URL).content
    assert logs.request_id.get() == ""


def test_the_access_line_names_the_route_and_not_the_path(
    client: Client, heard: pytest.LogCaptureFixture
) -> None:
    client.post(URL + "?phone=13800000001")
    [found] = access_lines(heard)
    assert (found["method"], found["route"], found["status"]) == ("POST", "tests/thing/<int:number>/", 200)
    assert 0 <= found["ms"] < 5_000
    assert "user_id" not in found
    assert "17" not in found["route"]


@pytest.mark.parametrize(("query", "status"), [("refuse", 409), ("break", 500)])
def test_refusals_and_faults_have_an_access_line_too(
    client: Client, heard: pytest.LogCaptureFixture, query: str, status: int
) -> None:
    assert client.get(f"{URL}?{query}=1").status_code == status
    assert [found["status"] for found in access_lines(heard)] == [status]


def test_what_no_route_takes_is_one_series(client: Client, heard: pytest.LogCaptureFixture) -> None:
    client.generic("BREW", "/no/such/page")
    client.get("/another/13800000001")
    assert {(found["method"], found["route"]) for found in access_lines(heard)} == {
        ("OTHER", "(none)"),
        ("GET", "(none)"),
    }


def test_a_user_is_named_only_when_somebody_asked_for_him(heard: pytest.LogCaptureFixture) -> None:
    class User:
        pk = 17

    def view(request: HttpRequest) -> HttpResponse:
        request._cached_user = User()  # type: ignore[attr-defined]  # as django.contrib.auth leaves it
        return HttpResponse()

    RequestContextMiddleware(view)(RequestFactory().get("/"))
    assert access_lines(heard)[0]["user_id"] == 17


def test_requests_are_counted(client: Client) -> None:
    client.get(URL)
    text = metrics.exposition().decode()
    labels = 'method="GET",route="tests/thing/<int:number>/",status="200"'
    assert f"hall_http_requests_total{{{labels}}}" in text
    assert 'hall_http_request_seconds_bucket{le="+Inf",route="tests/thing/<int:number>/"}' in text


@pytest.mark.django_db
def test_a_refusal_becomes_a_page_with_its_status_and_text(client: Client, settings: Any) -> None:
    settings.MIDDLEWARE = base.MIDDLEWARE
    answer = client.get(f"{URL}?refuse=1")
    assert answer.status_code == 409
    assert "&lt;b&gt;taken&lt;/b&gt;" in answer.content.decode()
    assert "<b>taken</b>" not in answer.content.decode()


def test_a_refusal_without_the_template_is_still_readable(settings: Any) -> None:
    settings.TEMPLATES = [
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [], "OPTIONS": {}}
    ]
    middleware = HallErrorMiddleware(lambda request: HttpResponse())
    answer = middleware.process_exception(RequestFactory().get("/"), Taken())
    assert answer is not None
    assert (answer.status_code, "&lt;b&gt;taken" in answer.content.decode()) == (409, True)


def test_other_errors_are_left_to_django() -> None:
    middleware = HallErrorMiddleware(lambda request: HttpResponse())
    assert middleware.process_exception(RequestFactory().get("/"), KeyError()) is None


def test_the_hall_uses_both_the_first_of_all_first() -> None:
    assert base.MIDDLEWARE[0] == MIDDLEWARE[0]
    assert MIDDLEWARE[1] in base.MIDDLEWARE
    assert issubclass(Taken, HallError)


def own(request: HttpRequest) -> HttpResponse:
    assert request.user.is_anonymous or request.user.pk
    answer = HttpResponse("mine")
    if "open" in request.GET:
        answer.headers["Cache-Control"] = "max-age=60"
    return answer


@pytest.mark.parametrize("address", ["/tests/thing/\0/", "/bills/%00/", "/requests/a%00b/", "/pay/?bill=%00"])
def test_no_address_has_a_nul(address: str) -> None:
    assert Client(raise_request_exception=False).get(address).status_code == 400


@pytest.mark.django_db
def test_what_somebody_sees_who_is_logged_in_is_kept_by_no_browser(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    client = Client()
    assert "Cache-Control" not in client.get("/tests/own/").headers
    client.force_login(build.user(build.PHONE))
    assert client.get("/tests/own/").headers["Cache-Control"] == "private, no-store"
    assert client.get("/tests/own/?open").headers["Cache-Control"] == "max-age=60"
