"""Every error of the interface has the one shape; the list of codes is current."""

from typing import Any

import pytest
from django.conf import settings as hall
from django.core.exceptions import RequestDataTooBig
from django.test import Client

from operations.management.commands import api_errors
from tests.api.build import Api, error_of, token_of
from tests.billing import build

pytestmark = pytest.mark.django_db


def test_the_list_of_codes_is_current() -> None:
    path = hall.BASE_DIR / "docs" / "api-errors.md"
    current = api_errors.document()
    assert path.read_text(encoding="utf-8") == current, "run: manage.py api_errors > docs/api-errors.md"
    for code in ("QUOTE_CHANGED", "NOT_ACCEPTABLE", "INSUFFICIENT_SCOPE", "TOO_LARGE", "NOT_AUTHENTICATED"):
        assert f"`{code}`" in current


@pytest.fixture
def api() -> Api:
    return Api(token_of(build.user()))


def test_before_any_view(api: Api) -> None:
    assert error_of(api.get("/api/bills/a%00b/")) == (400, "BAD_REQUEST")
    assert error_of(api.get("/api/bills/", Host="evil.example")) == (400, "BAD_REQUEST")
    assert error_of(api.get("/api/none/")) == (404, "NOT_FOUND")
    assert error_of(api.get("/api/bills")) == (404, "NOT_FOUND")  # no slash: no other address is tried
    assert error_of(api.client.post("/api/docs/")) == (405, "BAD_REQUEST")


def test_without_tls_a_program_is_refused_and_not_led_on(api: Api, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert error_of(api.get("/api/bills/")) == (403, "TLS_REQUIRED")
    assert api.client.get("/bills/").status_code == 301
    assert api.client.get("/api/bills/", headers=api.headers, secure=True).status_code == 200


def test_in_views(api: Api) -> None:
    assert error_of(api.get("/api/bills/X/")) == (404, "NOT_FOUND")
    assert error_of(api.get("/api/bills/", Accept="text/html")) == (406, "NOT_ACCEPTABLE")
    assert error_of(api.client.put("/api/bills/", headers=api.headers)) == (405, "METHOD_NOT_ALLOWED")
    assert error_of(api.client.options("/api/bills/", headers=api.headers)) == (405, "METHOD_NOT_ALLOWED")
    assert error_of(api.post("/api/operations/bill.pay/quote/", "{")) == (400, "BAD_JSON")
    assert error_of(Api().get("/api/bills/")) == (401, "NOT_AUTHENTICATED")


def test_a_fault_of_ours_outside_of_views(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("an inside")

    monkeypatch.setattr("core.limits.of_address", broken)
    answer = Client(raise_request_exception=False).get("/api/docs/")
    assert error_of(answer) == (500, "ERROR")
    assert b"inside" not in answer.content


def test_too_large_a_body(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_big(*_: Any) -> Any:
        raise RequestDataTooBig

    monkeypatch.setattr("core.limits.of_address", too_big)
    assert error_of(Client(raise_request_exception=False).get("/api/docs/")) == (413, "TOO_LARGE")


def test_personal_answers_are_kept_nowhere(api: Api) -> None:
    assert api.get("/api/bills/")["Cache-Control"] == "private, no-store"
    assert "sessionid" not in api.client.cookies
