"""What browsers may run: the staff theme evaluates expressions, the customers' pages never do."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db


def policy(client: Client, address: str) -> str:
    return client.get(address)["Content-Security-Policy"]


def test_staff_pages_may_evaluate_but_run_nothing_inline(desk: Client) -> None:
    for address in (reverse("admin:index"), reverse("admin:billing_bill_changelist"), "/admin/nothing/here/"):
        found = policy(desk, address)
        assert "script-src 'self' 'unsafe-eval'" in found
        assert "style-src 'self' 'unsafe-inline'" in found
        assert "frame-ancestors 'none'" in found
        assert "default-src 'self'" in found


@pytest.mark.parametrize("address", ["/account/login/", "/adminx/", "/static/../admin"])
def test_all_other_pages_keep_the_strict_policy(desk: Client, address: str) -> None:
    assert "unsafe" not in policy(desk, address)


def test_no_inline_script_is_allowed_anywhere() -> None:
    assert "'unsafe-inline'" not in settings.CSP_ADMIN_DIRECTIVES["script-src"]
    assert "script-src" not in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    assert settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["default-src"] == ["'self'"]
