"""Every address of the hall is walked: a stranger's number is 404 everywhere and changes nothing, with every method.

An address that takes a parameter must be named here, so that a new one cannot be forgotten.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from knox.models import AuthToken

from accounts.models import BillingAccount, User
from accounts.services import data_exports, devices
from billing.models import DebitAgreement
from core import clock
from core.uploads.models import Upload
from operations.context import Context
from operations.models import Channel
from operations.services import slips
from tests.billing import build, emails, refunds_build
from tests.catalog.holdings import build as holdings
from tests.catalog.orders import build as orders
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("alipay_keys")]
METHODS = ("get", "post", "put", "patch", "delete")
OTHERS = ("admin", "allauth", "account_", "javascript-catalog")  # staff's own walk, and allauth's

# The parameters that name what belongs to somebody, as they are called in the addresses.
OBJECTS = {
    "accounts:account",
    "accounts:download",
    "accounts:end_device",
    "arrears:account",
    "arrears-api:account",
    "billing:bill",
    "billing:bill_pdf",
    "billing:payment",
    "billing:payment_status",
    "billing:cashier",
    "billing:cancel",
    "billing:receipt",
    "billing:receipt_pdf",
    "billing:refund",
    "billing:refund_cancel",
    "billing:email_confirm",
    "billing:debit_sign",
    "billing:debit_return",
    "catalog:order_detail",
    "catalog:service",
    "orders-api:order",
    "operations:slip",
    "upload",
    "api:request",
    "api_tokens:end",
    "billing_api:bill",
    "billing_api:receipt",
    "billing_api:payment",
}
# What is public is for everybody: tests/content shows from when until when.
PUBLIC = {
    "content:article",
    "content:help_article",
    "content:hall",
    "content:picture",
    "content-api:article",
    "catalog:offer",
    "offers-api:offer",
    "offers-api:price",
}
# These parameters name a kind, not a thing: they are the same for everybody.
KINDS = {
    "billing:callback",
    "billing:return",
    "operations:form",
    "api:quote",
    "api:code",
    "api:submit",
    # A number to choose is offered to everybody; whose hold it is, its own tests ask.
    "resources:hold",
    "resources:extend",
    "resources:release",
    "resources-api:hold",
}
# Whoever holds such a link may use it, for its one purpose: its own pages' tests show what it can do.
LINKS = {
    "billing:email_unsubscribe",
    "billing:pay_link",
    "billing:pay_link_status",
    "billing:pay_link_cashier",
    "billing:pay_link_cancel",
}


@pytest.fixture
def stranger() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(build.user())
    return client


@pytest.fixture
def numbers() -> dict[str, list[str]]:
    """Alice's things: what stands in the addresses, by the parameter's name."""
    alice = build.user()
    account = build.account(alice)
    bill = build.bill(account)
    paid = build.payment(account, 1000)
    build.apply(paid, build.report(paid))
    receipt = paid.receipts.get()
    refund = refunds_build.asked(
        refunds_build.credit(30_000, owner=alice), 25_000, user=alice
    )  # waits for staff
    slip = _begin_paying(alice, account.number)
    emails.ask(account, alice)
    agreement = DebitAgreement.objects.create(
        reference="a-debit-agreement-of-alice",
        account=account,
        user=alice,
        gateway="bank_debit",
        max_cents=50_000,
        created_at=NOON,
        sign_by=NOON,
    )
    return {
        **dict.fromkeys(("accounts:account", "arrears:account", "arrears-api:account"), [account.number]),
        "accounts:download": [_copy_of_data(alice)],
        "accounts:end_device": [_device_of(alice)],
        "billing:bill": [bill.number],
        "billing:bill_pdf": [bill.number],
        "billing:receipt": [receipt.number],
        "billing:receipt_pdf": [receipt.number],
        "billing:refund": [refund.number],
        "billing:refund_cancel": [refund.number],
        "billing:email_confirm": [emails.token_to()],
        **dict.fromkeys(("billing:debit_sign", "billing:debit_return"), [agreement.reference]),
        **dict.fromkeys(("catalog:order_detail", "orders-api:order"), [_order_of(alice, account)]),
        "catalog:service": [holdings.held(account).number],
        "operations:slip": [slip.number],
        "upload": [_file_of(alice)],
        "api:request": [slip.number],
        "api_tokens:end": [AuthToken.objects.create(alice)[0].token_key],
        "billing_api:bill": [bill.number],
        "billing_api:receipt": [receipt.number],
        "billing_api:payment": [paid.reference],
        **dict.fromkeys(
            ("billing:payment", "billing:payment_status", "billing:cashier", "billing:cancel"),
            [slip.subject_id, paid.reference],
        ),
    }


def _order_of(user: User, account: BillingAccount) -> str:
    with clock.stopped(NOON):
        return orders.ordered(user, account, orders.offer("SEEN-BY-ALICE")).number


def _file_of(user: User) -> str:
    """Its row alone: nobody gets as far as its content."""
    kept = Upload.objects.create(
        token="a-token-of-alices-file",
        kind="bill.dispute",
        owner_ref=f"user:{user.pk}",
        uploaded_by=f"user:{user.pk}",
        name="photo.jpg",
        content_type="image/jpeg",
        path="no/where",
        size=1,
        digest="0" * 64,
        scanner="off",
        created_at=NOON,
    )
    return kept.token


def _copy_of_data(user: User) -> str:
    row = data_exports.request(user_id=user.pk, as_of=clock.now())
    for claimed in data_exports.claim(as_of=clock.now()):
        data_exports.make(claimed, as_of=clock.now())
    return row.reference


def _device_of(user: User) -> str:
    session = UserSession.objects.create(user=user, ip="192.0.2.7", session_key="a" * 32, user_agent="x")
    return devices.reference(session)


def _begin_paying(user: User, number: str) -> Any:
    ctx = Context(user=user, channel=Channel.WEB, as_of=NOON)
    raw = {"account": number, "amount": "16.00", "gateway": "alipay"}
    with clock.stopped(NOON):
        quoted = slips.quote(operation="bill.pay", ctx=ctx, raw=raw)
        return slips.submit(
            operation="bill.pay",
            ctx=ctx,
            raw=raw,
            quote_digest=quoted.digest,
            confirmation={"agreed": "yes"},
            idempotency_key="a-key-of-alices-own-0001",
        )


def addresses(patterns: Any = None, space: str = "") -> Iterator[tuple[str, URLPattern]]:
    """All named addresses that take parameters, as "namespace:name"."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            inner = pattern.namespace or ""
            yield from addresses(pattern.url_patterns, f"{space}{inner}:" if inner else space)
        elif pattern.pattern.regex.groups:
            yield f"{space}{pattern.name}", pattern


def ours() -> list[str]:
    return sorted({name for name, _pattern in addresses() if not name.startswith(OTHERS)})


def everything() -> str:
    """A digest of all rows of our tables; the log-in's own traces are left out."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        for model in sorted(apps.get_models(), key=lambda model: model._meta.db_table):
            table = model._meta.db_table
            if table not in ("django_session", "core_heartbeat"):
                cursor.execute(f'SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM "{table}" t')
                digest.update(f"{table} {cursor.fetchone()[0]}".encode())
    return digest.hexdigest()


def test_every_address_with_a_parameter_is_known_here() -> None:
    assert set(ours()) == OBJECTS | PUBLIC | KINDS | LINKS


def test_a_stranger_finds_nothing_and_changes_nothing(
    stranger: Client, numbers: dict[str, list[str]]
) -> None:
    before = everything()
    for name in sorted(OBJECTS):
        for number in numbers[name]:
            address = reverse(name, args=[number])
            answers = {method: getattr(stranger, method)(address).status_code for method in METHODS}
            assert set(answers.values()) <= {404, 405}, (address, answers)
            assert 404 in answers.values(), (address, answers)
    assert everything() == before


def test_what_does_not_exist_looks_the_same(stranger: Client, numbers: dict[str, list[str]]) -> None:
    for name in sorted(OBJECTS):
        theirs, none = reverse(name, args=[numbers[name][0]]), reverse(name, args=["X0000000000"])
        for method in METHODS:
            ask = getattr(stranger, method)
            assert ask(theirs).status_code == ask(none).status_code, (method, name)


def test_a_visitor_finds_nothing_either(numbers: dict[str, list[str]]) -> None:
    before = everything()
    for name in sorted(OBJECTS):
        address = reverse(name, args=[numbers[name][0]])
        for method in METHODS:
            assert getattr(Client(), method)(address).status_code in (302, 401, 403, 405), (method, address)
    assert everything() == before


def test_strangers_accounts_in_queries_are_not_found(stranger: Client) -> None:
    theirs = build.account()
    for path in ("/bills/", "/pay/"):
        assert stranger.get(path, {"account": theirs.number}).status_code == 404
    bill = build.bill(theirs)
    assert stranger.get("/pay/", {"bill": bill.number}).status_code == 404


def test_the_plain_addresses_open(stranger: Client) -> None:
    """Every page without a parameter answers its own user; none breaks."""
    for pattern in (
        "hall:home",
        "hall:help",
        "hall:tariffs",
        "content:news",
        "content:feed",
        "content:halls",
        "content:search",
        "content:sitemap",
        "content:robots",
        "billing:bills",
        "billing:export",
        "billing:pay",
        "billing:receipts",
    ):
        assert stranger.get(reverse(pattern)).status_code == 200
    for pattern in ("operations:list", "operations:requests", "accounts:profile", "accounts:accounts"):
        assert stranger.get(reverse(pattern)).status_code == 200
    with pytest.raises(NoReverseMatch):
        reverse("billing:bill")
