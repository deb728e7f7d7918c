"""What an attacker tries first; each must find the door shut."""

from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client

from accounts.models import Membership, User
from billing.models import Bill, Receipt
from tests.accounts import build as people
from tests.api.build import Api, token_of
from tests.billing import build

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-password-of-hers-7"
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "///evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "/\t/evil.example/",
    "http://testserver@evil.example/",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_address_leads_elsewhere(target: str) -> None:
    people.user(password=PASSWORD)
    form = {"login": "13800000001", "password": PASSWORD, "next": target}
    entrance = Client().post("/account/login/", form)
    language = Client().post("/i18n/setlang/", {"language": "en", "next": target})
    display = Client().post("/display/", {"theme": "dark", "next": target})
    log_out = Client()
    log_out.force_login(User.objects.get())
    out = log_out.post("/account/logout/", {"next": target})
    for answer in (entrance, language, display, out):
        assert answer.status_code == 302
        location = answer["Location"]
        assert location.startswith("/"), location
        assert not location.startswith(("//", "/\\", "/\t")), location


def test_a_stranger_host_is_answered_nothing() -> None:
    for headers in (
        {"HTTP_HOST": "evil.example"},
        {"HTTP_HOST": "testserver.evil.example"},
        {"HTTP_HOST": "testserver:80@evil.example"},
    ):
        answer = Client().get("/", **headers)  # type: ignore[arg-type]  # WSGI's own names
        assert answer.status_code == 400
        assert b"evil.example" not in answer.content


def test_what_a_proxy_forwards_does_not_change_addresses() -> None:
    """Cache poisoning: headers that no cache keys on must not show in the page."""
    headers = {
        "HTTP_X_FORWARDED_HOST": "evil.example",
        "HTTP_X_FORWARDED_SERVER": "evil.example",
        "HTTP_X_ORIGINAL_URL": "/admin/",
        "HTTP_X_REWRITE_URL": "/admin/",
        "HTTP_FORWARDED": "host=evil.example",
    }
    answer = Client().get("/account/login/", **headers)  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert b"evil.example" not in answer.content


def test_pages_say_what_they_vary_by() -> None:
    answer = Client().get("/")
    assert {"Cookie", "Accept-Language"} <= {part.strip() for part in answer["Vary"].split(",")}
    assert "public" not in answer.get("Cache-Control", "")


def test_forms_without_their_token_do_nothing() -> None:
    alice = people.user()
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    for address in ("/me/", "/account/logout/", "/me/tokens/", "/operations/bill.pay/", "/pay/"):
        answer = client.post(address, {"name": "mallory"}, HTTP_ORIGIN="https://evil.example")
        assert answer.status_code == 403, address
    alice.refresh_from_db()
    assert alice.name == "王小明"


def test_fields_that_no_form_has_are_not_taken() -> None:
    """Mass assignment."""
    alice = people.user()
    client = Client()
    client.force_login(alice)
    more = {"is_staff": "on", "is_superuser": "1", "phone": "+8613999999999", "pk": "1", "username": "root"}
    client.post("/me/", {"name": "新名", "language": "zh-hans"} | more)
    after = User.objects.get(pk=alice.pk)
    assert (after.is_staff, after.is_superuser, after.phone, after.username) == (
        False, False, alice.phone, alice.username,
    )  # fmt: skip


def test_the_data_of_an_operation_cannot_name_whom_it_is_for() -> None:
    alice, bob = build.user(), build.user()
    account = build.account(alice)
    build.bill(account)
    body = {"data": {"account": account.number, "amount": "1.00", "gateway": "alipay"}, "user": alice.pk}
    answer = Api(token_of(bob)).post("/api/operations/bill.pay/quote/", body | {"on_behalf_of": alice.pk})
    assert answer.status_code == 422
    assert set(answer.json()["fields"]) == {"account"}


def test_keys_and_other_spellings_of_a_number_open_nothing() -> None:
    bob = build.user()
    account = build.account(build.user())
    bill = build.bill(account)
    client = Client(raise_request_exception=False)
    client.force_login(bob)
    for guess in (bill.pk, bill.number.lower(), f" {bill.number}", f"{bill.number}%20", f"../{bill.number}"):
        assert client.get(f"/bills/{guess}/").status_code in (301, 404), guess
    assert Bill.objects.get().open_cents == bill.open_cents
    assert not Membership.objects.filter(user=bob).exists()
    assert not Receipt.objects.exists()


@pytest.mark.parametrize(
    "address",
    [
        "/static/../hall/settings/base.py",
        "/static/%2e%2e/hall/settings/base.py",
        "/static/..%2f..%2fetc/passwd",
        "/static//etc/passwd",
        "/.git/config",
        "/.env",
        "/static/css/..%5c..%5cmanage.py",
    ],
)
def test_no_file_outside_of_static_is_served(address: str) -> None:
    answer = Client(raise_request_exception=False).get(address)
    assert answer.status_code in (301, 302, 400, 404)


@pytest.mark.parametrize(
    "headers",
    [
        {"CONTENT_LENGTH": "-1"},
        {"CONTENT_LENGTH": "abc"},
        {"CONTENT_LENGTH": "5, 6"},
        {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "2"},
        {"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"},
    ],
)
def test_odd_framing_is_no_fault_of_ours(headers: dict[str, str]) -> None:
    """What a proxy lets through by mistake must not be read as something else."""
    client = Client(raise_request_exception=False)
    token = {"Authorization": f"Bearer {token_of(build.user())}"}
    for address in ("/api/operations/bill.pay/quote/", "/csp-report/", "/account/login/"):
        answer = client.post(address, b"{}", content_type="application/json", headers=token, **headers)  # type: ignore[arg-type]
        assert answer.status_code < 500, (address, headers)


def test_known_and_unknown_cost_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is hashed as often whether somebody has that phone or not; the answers differ in nothing."""
    people.user(password=PASSWORD)
    hashed: list[str] = []
    real = MD5PasswordHasher.encode

    def counting(self: Any, password: str, salt: str) -> str:
        hashed.append(password)
        return real(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    texts: list[Any] = []
    for login in ("13800000001", "13700000009"):
        answer = Client().post("/account/login/", {"login": login, "password": "wrong wrong"})
        texts.append((answer.status_code, answer.context["form"].errors.as_text(), len(hashed)))
        hashed.clear()
    assert texts[0] == texts[1]


def test_an_old_token_does_not_outlive_its_user() -> None:
    alice = build.user()
    token = token_of(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert Api(token).get("/api/bills/").status_code == 401


@pytest.mark.usefixtures("alipay_keys")
def test_a_nul_in_a_posted_number_is_refused_beside_its_field(client: Client) -> None:
    client.force_login(build.user())
    assert client.post("/pay/", {"bill": "\0", "amount": "1"}).status_code == 422
