"""Every page of a user's own, and of his entrance: as each role, as a stranger, as a visitor; asked, and posted
nonsense. None breaks, none shows a stranger's data, and what is refused changes nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import BillingAccount, Contact, Customer, Invitation, Membership, User
from accounts.services import contacts, data_exports, invitations
from core import clock
from operations import registry
from tests.accounts import build
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
ROLES = [str(role) for role in Membership.Role]
OWNER, INVITED, MAILBOX, NAME = "+8613800000001", "+8613800000055", "wangxiaoming@example.com", "王小明"
NUMBER, ADDRESS = "8100000777", "海晏市和平路 77 号 7 单元 702"
PASSWORD = "a long enough password"
NONSENSE: list[dict[str, Any]] = [
    {},
    {"_step": "quote", "account": "9" * 400, "phone": "\N{PILE OF POO}", "role": "EMPEROR", "code": "½½½½½½"},
    {"_step": "submit", "_digest": "x", "_key": "y", "agreed": "yes", "member": "x", "invitation": "x"},
    {
        "_step": "\x00",
        "login": "\x00",
        "phone": "\x00",
        "name": "\x00",
        "language": "tlh",
        "action": "resend",
    },
    {"password": " " * 5_000, "password1": "a", "password2": "b", "oldpassword": "c", "code": "000000"},
]


def pages(patterns: Any = None, before: str = "") -> Iterator[str]:
    """The addresses below /me/ and /account/ that take no parameter."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from pages(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and not pattern.pattern.regex.groups:
            address = "/" + path.replace("^", "").replace("$", "").replace(r"\Z", "")
            if address.startswith(("/me/", "/account/")) and "<" not in address:
                yield address


PAGES = sorted(set(pages()))
FORMS = sorted(f"/operations/{operation.code}/" for operation in registry.everything())


@pytest.fixture
def account() -> BillingAccount:
    """A firm's account with everything on it that a page may show."""
    found = build.account(NUMBER, contact=OWNER)
    Customer.objects.filter(pk=found.customer_id).update(kind=Customer.Kind.ENTERPRISE, name="海晏秘密公司")
    BillingAccount.objects.filter(pk=found.pk).update(address=ADDRESS, post_address=ADDRESS)
    contacts.prove(account_id=found.pk, kind=Contact.Kind.EMAIL, value=MAILBOX, as_of=NOON)
    owner = build.user(OWNER, name=NAME, password=PASSWORD)
    build.bind(owner, found)
    invitations.invite(
        account_id=found.pk, phone=INVITED, role="PAYER", invited_by=owner, actor=build.ACTOR, as_of=NOON
    )
    data_exports.request(user_id=owner.pk, as_of=NOON)
    found.refresh_from_db()
    return found


@pytest.fixture
def bob() -> User:
    return build.user("+8613800000099", name="外人")


@pytest.fixture(autouse=True)
def unlimited(settings: Any) -> None:
    """How often is another question (tests/core/test_limits.py)."""
    settings.RATE_LIMITS, settings.ACCOUNT_RATE_LIMITS = {}, False


def browser_of(user: User | None) -> Client:
    client = Client(raise_request_exception=True)
    if user:
        client.force_login(user)
    return client


def in_role(account: BillingAccount, role: str) -> User:
    """The owner himself, or somebody else who shares his account."""
    if role == Membership.Role.OWNER:
        return User.objects.get(phone=OWNER)
    user = build.user("+8613800000077", name="李大海", password=PASSWORD)
    build.bind(user, account, role)
    return user


def test_the_walk_knows_the_pages() -> None:
    assert {"/me/", "/me/security/", "/me/tokens/", "/account/sessions/", "/account/password/reset/"} <= set(
        PAGES
    )
    assert len(PAGES) > 25


@pytest.mark.parametrize("role", ROLES)
def test_no_page_breaks_for_a_member(account: BillingAccount, role: str) -> None:
    client = browser_of(in_role(account, role))
    for address in [*PAGES, f"/me/accounts/{NUMBER}/", *FORMS]:
        if address == "/account/logout/":
            continue
        for language in ("zh-hans", "en"):
            client.cookies["django_language"] = language
            answer = client.get(address)
            assert answer.status_code < 500, (address, language)


@pytest.mark.parametrize("role", [*ROLES, "STRANGER", "VISITOR"])
def test_nonsense_breaks_nothing_and_changes_nothing(account: BillingAccount, bob: User, role: str) -> None:
    client = browser_of(
        {"STRANGER": bob, "VISITOR": None}.get(role) if role not in ROLES else in_role(account, role)
    )
    kept = {"/account/logout/", "/me/security/devices/end-others/"}  # a post to these is enough
    before = _of_people()
    for address in [page for page in PAGES if page not in kept] + FORMS:
        for posted in NONSENSE:
            answer = client.post(address, posted)
            assert answer.status_code < 500, (address, posted)
    assert _of_people() == before


@pytest.mark.parametrize("who", ["STRANGER", "VISITOR"])
def test_a_stranger_sees_nothing_of_it_anywhere(account: BillingAccount, bob: User, who: str) -> None:
    client = browser_of(bob if who == "STRANGER" else None)
    for address in [*PAGES, *FORMS, f"/me/accounts/{NUMBER}/"]:
        shown = client.get(address, {"account": NUMBER}).content.decode()
        for typed in (f"account={NUMBER}", f"account%3D{NUMBER}", f"accounts/{NUMBER}"):  # in the address
            shown = shown.replace(typed, "")
        for secret in (NUMBER, ADDRESS, OWNER[3:], INVITED[3:], MAILBOX, NAME, "海晏秘密公司"):
            assert secret not in shown, (address, secret)


def test_a_viewer_sees_neither_members_nor_contacts(account: BillingAccount) -> None:
    shown = browser_of(in_role(account, "VIEWER")).get(f"/me/accounts/{NUMBER}/").content.decode()
    for hidden in ("王**", "王小明", "138****0001", "w***", "example.com", "138****0055", "邀请成员"):
        assert hidden not in shown


def test_asking_changes_nothing(account: BillingAccount) -> None:
    client = browser_of(in_role(account, "OWNER"))
    before = _of_people()
    for address in [*PAGES, *FORMS]:
        if address != "/account/logout/":
            client.get(address)
    assert _of_people() == before
    assert clock.now() == NOON


def _of_people() -> list[Any]:
    """What a page about people could have changed; what was asked for and refused leaves its trace elsewhere."""
    models = (Membership, Invitation, Contact, Customer, BillingAccount)
    rows = [list(model.objects.order_by("pk").values()) for model in models]
    users = User.objects.order_by("pk").values(
        "pk", "name", "phone", "password", "language", "is_active", "email"
    )
    return [*rows, list(users)]
