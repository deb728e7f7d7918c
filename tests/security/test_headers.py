"""Every answer carries the headers: pages of visitors and customers, staff, errors, files, the interface."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as hall
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from core import headers, metrics
from tests.accounts import build

pytestmark = pytest.mark.django_db
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FILL = {"int": "1", "digest": "0" * 64}


def addresses(resolver: URLResolver | None = None, before: str = "/") -> Iterator[str]:
    """Every address of the map, its parameters filled with what nobody has."""
    for pattern in (resolver or get_resolver()).url_patterns:
        part = re.sub(r"[\^$]|\\Z", "", str(pattern.pattern))
        part = re.sub(r"<(?:(\w+):)?\w+>", lambda found: FILL.get(found[1] or "", "x1"), part)
        part = re.sub(r"\(\?P<\w+>[^)]*\)\+?", "x1", part).replace("/?", "/")
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, before + part)
        elif isinstance(pattern, URLPattern) and not re.search(r"[(\[*+]", part):
            yield before + part


EVERY = sorted({*addresses(), "/nothing/here/", "/static/css/tokens.css", "/static/none.css", "/api/none/"})


def assert_safe(answer: Any, address: str) -> None:
    for name, value in FIXED.items():
        assert answer.headers.get(name) == value, (address, name, answer.status_code)
    assert "camera=()" in answer.headers["Permissions-Policy"]
    policy = answer.headers.get("Content-Security-Policy", "")
    for part in ("default-src 'self'", "frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'"):
        assert part in policy, (address, part)
    assert "form-action 'self'" in policy
    if "admin" not in address:
        assert "unsafe" not in policy, address


def test_the_walk_sees_the_map() -> None:
    assert len(EVERY) > 150
    assert {"/", "/bills/", "/account/login/", "/api/bills/", "/me/tokens/", "/admin/"} <= set(EVERY)


@pytest.mark.parametrize("who", ["visitor", "customer"])
def test_every_address_with_every_method(who: str, settings: Any) -> None:
    settings.RATE_LIMITS = {}
    client = Client(raise_request_exception=False)
    user = build.user(build.PHONE) if who == "customer" else None
    for address in EVERY:
        for method in ("get",) if user else ("get", "post"):
            if user and "logout" not in address:
                client.force_login(user)
            answer = getattr(client, method)(address)
            assert_safe(answer, address)
            if user and method == "get" and answer.status_code == 200 and "/static/" not in address:
                kept = answer.headers.get("Cache-Control", "")
                assert "no-store" in kept or address in PUBLIC, (address, kept)


# The same for everybody, whoever is logged in.
PUBLIC = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/schema/",
    "/api/content/articles/",
    "/api/content/halls/",
    "/api/content/search/",
    "/app.webmanifest",
    "/manifest.webmanifest",
    "/offline/",
    "/robots.txt",
    "/service-worker.js",
    "/sitemap.xml",
    "/sw.js",
    "/news/feed/",
}


@pytest.mark.parametrize(
    ("address", "host", "status"),
    [("/", "evil.example", 400), ("/bills/%00/", "testserver", 400), ("/api/none/", "testserver", 404)],
)
def test_errors_before_any_view(address: str, host: str, status: int) -> None:
    answer = Client(raise_request_exception=False).get(address, HTTP_HOST=host)
    assert answer.status_code == status
    assert_safe(answer, address)


def test_a_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.health._database", lambda: 1 / 0)
    answer = Client(raise_request_exception=False).get("/readyz")
    assert answer.status_code == 500
    assert_safe(answer, "/readyz")


def test_forms_end_at_us_or_at_a_cashier(settings: Any) -> None:
    from hall.settings import security

    assert hall.CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"][0] == "'self'"
    assert security._origin("https://open.example.com/gateway.do?x") == ["https://open.example.com"]
    assert security._origin("") == []


def report(body: bytes, kind: str = "application/csp-report") -> int:
    return Client().post("/csp-report/", body, content_type=kind).status_code


def counted(directive: str) -> float:
    return headers._reports.labels(directive)._value.get()  # type: ignore[no-any-return]


def test_reports_are_counted_and_nothing_of_them_is_kept() -> None:
    before = counted("script-src"), counted("other")
    old = b'{"csp-report": {"effective-directive": "script-src-elem", "document-uri": "https://x/bills/B1/"}}'
    assert report(old) == 204
    assert report(b'[{"body": {"effectiveDirective": "a-made-up-one"}}]', "application/reports+json") == 204
    assert (counted("script-src"), counted("other")) == (before[0] + 1, before[1] + 1)
    assert b"B1" not in metrics.exposition()


@pytest.mark.parametrize(
    "body", [b"", b"no json", b"[[[", b"[1, null]", b'{"csp-report": 7}', b"[" * 9000, b"x" * 99_999]
)
def test_odd_reports_are_taken_quietly(body: bytes) -> None:
    assert report(body) == 204
