"""Tokens: made after proving oneself, shown once, told by SMS, limited to their scopes, ended."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from knox.models import AuthToken

from accounts.models import ApiToken, User
from accounts.services import tokens
from core import clock, sessions
from core.errors import NotFound
from notices.models import Delivery
from operations import registry
from operations.api import scopes
from operations.api.views import HallApiView
from operations.models import Slip
from tests.accounts import build as people
from tests.api.build import Api, error_of, token_of

pytestmark = pytest.mark.django_db
PAGE = "/me/tokens/"
PASSWORD = "a long enough password"


@pytest.fixture(autouse=True)
def noon(as_of: datetime) -> Iterator[None]:
    with clock.stopped(as_of):
        yield


@pytest.fixture
def alice() -> User:
    return people.user(password=PASSWORD)


@pytest.fixture
def web(alice: User) -> Client:
    """Logged in with the password just now."""
    client = Client()
    client.post("/account/login/", {"login": "13800000001", "password": PASSWORD})
    return client


def proven(client: Client) -> Client:
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


def form(**changes: Any) -> dict[str, Any]:
    return {"name": "记账", "days": "7", "scopes": ["read"]} | changes


def made(client: Client, **changes: Any) -> str:
    answer = proven(client).post(PAGE, form(**changes))
    assert answer.status_code == 200, answer.content.decode()
    return str(answer.context["made"].secret)


def test_the_password_is_asked_for_again(web: Client) -> None:
    answer = web.post(PAGE, form())
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/reauthenticate/")
    assert not AuthToken.objects.exists()


def test_a_token_is_shown_once_and_kept_as_a_hash(web: Client, alice: User) -> None:
    secret = made(web)
    row = ApiToken.objects.get()
    assert (row.name, row.scopes, row.last_used_on) == ("记账", ["read"], None)
    assert row.token.expiry == clock.now() + timedelta(days=7)
    assert secret not in str(AuthToken.objects.values_list())
    again = web.get(PAGE)
    assert secret not in again.content.decode()
    assert "记账" in again.content.decode()
    assert "no-store" in again["Cache-Control"]
    told = Delivery.objects.get(message__code="api_token_made")
    assert told.address == alice.phone
    assert "记账" in told.body
    assert secret not in told.body


def test_whoever_has_no_password_must_have_logged_in_just_now() -> None:
    client = Client()
    client.force_login(people.user(people.OTHER_PHONE))
    assert client.post(PAGE, form()).status_code == 200
    session = client.session
    session[sessions.AGE] = session[sessions.AGE] | {"since": session[sessions.AGE]["since"] - 1_000}
    session.save()
    answer = client.post(PAGE, form())
    assert answer["Location"].startswith("/account/login/")
    assert AuthToken.objects.count() == 1
    assert client.get("/me/").status_code == 302  # logged out


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "x" * 41}, {"days": "365"}, {"scopes": []}, {"scopes": ["everything"]}]
)
def test_what_is_filled_in_is_checked(web: Client, wrong: dict[str, Any]) -> None:
    assert proven(web).post(PAGE, form(**wrong)).status_code == 422
    assert not AuthToken.objects.exists()


def test_there_are_at_most_ten(web: Client, alice: User) -> None:
    for _ in range(10):
        token_of(alice)
    assert proven(web).post(PAGE, form()).status_code == 409
    with pytest.raises(tokens.TooManyTokens):
        token_of(alice)
    assert AuthToken.objects.count() == 10


def test_an_ended_token_is_worth_nothing(web: Client, alice: User) -> None:
    secret = made(web)
    key = AuthToken.objects.get().token_key
    assert Api(secret).get("/api/bills/").status_code == 200
    assert web.post(f"{PAGE}{key}/end/").status_code == 302
    assert error_of(Api(secret).get("/api/bills/")) == (401, "NOT_AUTHENTICATED")
    assert not ApiToken.objects.exists()


def test_bob_cannot_end_alices_token(alice: User) -> None:
    token_of(alice)
    key = AuthToken.objects.get().token_key
    bob = people.user(people.OTHER_PHONE)
    web = Client(raise_request_exception=False)
    web.force_login(bob)
    assert web.post(f"{PAGE}{key}/end/").status_code == 404
    with pytest.raises(NotFound):
        tokens.end(user_id=bob.pk, token_key=key)
    assert AuthToken.objects.count() == 1


def test_it_ends_by_itself_and_with_the_password(web: Client, alice: User, as_of: datetime) -> None:
    secret = token_of(alice)
    AuthToken.objects.update(expiry=datetime(2020, 1, 1, tzinfo=as_of.tzinfo))
    assert error_of(Api(secret).get("/api/bills/")) == (401, "NOT_AUTHENTICATED")
    other = token_of(alice)
    proven(web).post(
        "/account/password/change/",
        {"oldpassword": PASSWORD, "password1": "quite another one 1", "password2": "quite another one 1"},
    )
    assert error_of(Api(other).get("/api/bills/")) == (401, "NOT_AUTHENTICATED")


def test_the_day_of_use_is_noted_once(alice: User, django_assert_max_num_queries: Any) -> None:
    api = Api(token_of(alice))
    api.get("/api/bills/")
    assert ApiToken.objects.get().last_used_on == clock.local_date(clock.now())
    with django_assert_max_num_queries(8):
        api.get("/api/bills/")


def test_staff_have_no_use_of_tokens(alice: User) -> None:
    secret = token_of(alice)
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    assert error_of(Api(secret).get("/api/bills/")) == (401, "NOT_AUTHENTICATED")


def test_a_token_from_before_scopes_may_do_nothing(alice: User, settings: Any) -> None:
    """Not even what any token may; and it is told what to do, wherever it asks."""
    settings.RATE_LIMITS = {}
    _, secret = AuthToken.objects.create(alice)
    for name, pattern in ADDRESSES.items():
        for method, address, _scope in requests_of(pattern, name):
            api = Api(secret)
            answer = api.get(address) if method == "get" else api.post(address, {})
            assert error_of(answer) == (403, "TOKEN_WITHOUT_SCOPES"), address
    assert not Slip.objects.exists()


def test_its_owner_sees_a_token_from_before_scopes_and_ends_it(web: Client, alice: User) -> None:
    row, _secret = AuthToken.objects.create(alice)
    page = web.get(PAGE).content.decode()
    assert "旧式令牌" in page
    assert f"{PAGE}{row.token_key}/end/" in page
    assert web.post(f"{PAGE}{row.token_key}/end/").status_code == 302
    assert not AuthToken.objects.exists()
    assert "旧式令牌" not in web.get(PAGE).content.decode()


def interface(resolver: URLResolver | None = None, space: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address of the interface that asks who is there."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from interface(pattern, inner)
        elif issubclass(getattr(pattern.callback, "cls", object), HallApiView):
            yield f"{space}{pattern.name}", pattern


ADDRESSES = dict(interface())


def requests_of(pattern: URLPattern, name: str) -> Iterator[tuple[str, str, str]]:
    """(method, address, the scope that it needs) for every operation, where one is named."""
    view = pattern.callback.cls  # type: ignore[attr-defined]  # DRF's
    method = "post" if hasattr(view, "post") else "get"
    parameters = set(pattern.pattern.regex.groupindex)
    if "code" in parameters:
        offered = registry.everything()
        for operation in offered if name == "api:quote" else offered[:3]:
            yield method, reverse(name, args=[operation.code]), scopes.operation_scope(operation)
    else:
        yield method, reverse(name, args=["X1"] * len(parameters)), view.scope


def test_the_walk_sees_the_interface() -> None:
    assert {"api:submit", "api:quote", "api:code", "billing_api:bills", "billing_api:bill"} <= set(ADDRESSES)


def test_every_address_needs_its_scope_and_no_other(alice: User, settings: Any) -> None:
    settings.RATE_LIMITS = {}
    settings.REST_KNOX = {}
    have = {scope: Api(_token(alice, scope)) for scope in scopes.everything()}
    for name, pattern in ADDRESSES.items():
        for method, address, needed in requests_of(pattern, name):
            for scope, api in have.items():
                answer = api.get(address) if method == "get" else api.post(address, {})
                is_let_in = answer.status_code != 403 or answer.json()["code"] != "INSUFFICIENT_SCOPE"
                assert is_let_in == (needed in (scope, scopes.ANY)), (address, scope, answer.content)


def _token(user: User, scope: str) -> str:
    """One each, though there are more scopes than tokens may be had: the earlier ones are let go of."""
    from knox.models import get_digest_token

    digest, secret = get_digest_token("hall_")
    row = AuthToken(digest=digest, token_key=secret[:15], user=user, expiry=clock.now() + timedelta(days=900))
    row.save(force_insert=True)
    ApiToken.objects.create(token=row, name=scope, scopes=[scope])
    return str(secret)
