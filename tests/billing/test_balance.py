"""Topping up, letting credit pay bills, and taking it back: each by its operation, with its formula shown before."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client, TestCase
from django.urls import reverse

from accounts.models import BillingAccount, Membership, User
from billing.models import (
    BalancePreference,
    Bill,
    Payment,
    PaymentPurpose,
    Receipt,
    RefundRequest,
    ReviewReason,
)
from billing.selectors import balances
from billing.selectors import credits as credit_reads
from billing.services.money import credits, receipts
from core.errors import HallError
from operations import registry
from operations.context import Context
from operations.models import Channel, Slip, SlipState
from operations.services import slips
from tests.billing import build
from tests.conftest import NOON
from tests.operations.codes import last_code

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 18)


@pytest.fixture
def owner() -> User:
    found = build.user()
    User.objects.filter(pk=found.pk).update(phone_verified_at=NOON)
    found.refresh_from_db()
    return found


@pytest.fixture
def account(owner: User) -> BillingAccount:
    return build.account(owner)


def ctx(user: User, **changes: Any) -> Context:
    return Context(user=user, channel=Channel.WEB, as_of=NOON, **changes)


def money_in(
    account: BillingAccount, cents: int, *, gateway: str = "alipay", age: int = 0, review: str = ""
) -> Receipt:
    number = f"T{Receipt.objects.count()}"
    receipts.book(
        account_id=account.pk,
        gateway=gateway,
        trade_no=number,
        amount_cents=cents,
        paid_at=NOON - timedelta(days=age),
        as_of=NOON,
        review=ReviewReason(review),
    )
    return Receipt.objects.get(trade_no=number, gateway=gateway)


def do(user: User, operation: str, **raw: str) -> Slip:
    return submit(user, operation, raw)


def submit(user: User, operation: str, raw: dict[str, str], *, code: bool = False) -> Slip:
    given = ctx(user)
    quoted = slips.quote(operation=operation, ctx=given, raw=raw)
    confirmation = {"agreed": "yes"}
    if code:
        confirmation["code"] = sent_code(operation, given, raw)
    return slips.submit(
        operation=operation,
        ctx=given,
        raw=raw,
        quote_digest=quoted.quote.digest,
        confirmation=confirmation,
        idempotency_key=f"key-{Slip.objects.count():05d}",
    )


def sent_code(operation: str, given: Context, raw: dict[str, str]) -> str:
    with TestCase.captureOnCommitCallbacks(execute=True):
        slips.send_code(operation=operation, ctx=given, raw=raw)
    return last_code(str(given.served.phone))  # type: ignore[union-attr]  # a user, not a visitor


def lines(user: User, operation: str, **raw: str) -> list[tuple[str, int | None]]:
    quoted = slips.quote(operation=operation, ctx=ctx(user), raw=raw)
    return [(str(line.label), line.amount_cents) for line in quoted.quote.lines]


def overview(account: BillingAccount) -> tuple[int, int]:
    found = balances.of_account(account, today=TODAY)
    return found.owed_cents, found.credit_cents


# Topping up


def test_a_top_up_says_which_bills_it_pays(owner: User, account: BillingAccount) -> None:
    build.bill(account, 2600)
    raw = {"account": account.number, "amount": "50", "gateway": "alipay"}
    assert [cents for _label, cents in lines(owner, "balance.topup", **raw)] == [2600, 2400]
    slip = do(owner, "balance.topup", **raw)
    payment = Payment.objects.get()
    assert (slip.state, payment.purpose, payment.amount_cents) == (
        SlipState.IN_PROGRESS,
        PaymentPurpose.TOPUP,
        5000,
    )
    build.apply(payment, build.report(payment))
    assert overview(account) == (0, 2400)


def test_a_top_up_of_who_decides_himself_stays(owner: User, account: BillingAccount) -> None:
    build.bill(account, 2600)
    credits.set_automatic(account_id=account.pk, is_automatic=False, as_of=NOON)
    raw = {"account": account.number, "amount": "50", "gateway": "alipay"}
    assert [cents for _label, cents in lines(owner, "balance.topup", **raw)] == [5000]
    said = str(slips.quote(operation="balance.topup", ctx=ctx(owner), raw=raw).quote.outcome)
    assert str(registry.get("balance.auto_use").title) in said  # how it would be used, and how it comes back
    assert str(registry.get("balance.refund").title) in said
    do(owner, "balance.topup", **raw)
    payment = Payment.objects.get()
    build.apply(payment, build.report(payment))
    assert overview(account) == (2600, 5000)


@pytest.mark.parametrize("amount", ["0", "50000.01", "-1", "1.234", "一百"])
def test_what_cannot_be_topped_up(owner: User, account: BillingAccount, amount: str) -> None:
    with pytest.raises(HallError):
        do(owner, "balance.topup", account=account.number, amount=amount, gateway="alipay")
    assert not Payment.objects.exists()


# Automatic use


def test_switching_on_pays_what_is_open(owner: User, account: BillingAccount) -> None:
    do(owner, "balance.auto_use", account=account.number, automatic="off")
    money_in(account, 3000)
    build.bill(account, 2600)
    assert overview(account) == (2600, 3000)
    shown = lines(owner, "balance.auto_use", account=account.number, automatic="on")
    assert [cents for _label, cents in shown] == [3000, 2600, 400]
    slip = do(owner, "balance.auto_use", account=account.number, automatic="on")
    assert slip.state == SlipState.DONE
    assert overview(account) == (0, 400)
    assert build.books_are_right()


def test_the_same_choice_again_is_refused(owner: User, account: BillingAccount) -> None:
    with pytest.raises(HallError) as refused:
        do(owner, "balance.auto_use", account=account.number, automatic="on")
    assert refused.value.code == "NOTHING_TO_CHANGE"
    assert not BalancePreference.objects.exists()


# Taking it back


def test_the_formula_is_shown_and_kept(owner: User, account: BillingAccount) -> None:
    credits.set_automatic(account_id=account.pk, is_automatic=False, as_of=NOON)
    older, newer = money_in(account, 3000, age=40), money_in(account, 2000)
    held = money_in(account, 700, review="DUPLICATE")
    late = build.bill(account, 1000, issued_on=TODAY - timedelta(days=40))  # ten days late: 30 fen
    shown = lines(owner, "balance.refund", account=account.number, amount="39.70")
    assert [cents for _label, cents in shown] == [5000, -1000, -30, 3970, 700, 3970, 2000, 1970]
    slip = submit(owner, "balance.refund", {"account": account.number, "amount": "39.70"}, code=True)
    assert slip.state == SlipState.DONE
    asked = RefundRequest.objects.order_by("id")
    assert [(one.receipt_id, one.amount_cents, one.user_id) for one in asked] == [
        (newer.pk, 2000, owner.pk),
        (older.pk, 1970, owner.pk),
    ]
    held.refresh_from_db()
    late.refresh_from_db()
    assert (held.refunding_cents, late.open_cents) == (0, 1000)
    found = credit_reads.of_account(account, today=TODAY)
    assert (found.usable_cents, found.reserved_cents, found.refundable_cents) == (1030, 3970, 0)
    assert build.books_are_right()


def test_more_than_is_refundable_is_refused(owner: User, account: BillingAccount) -> None:
    receipt = money_in(account, 3000)
    with pytest.raises(HallError) as refused:
        do(owner, "balance.refund", account=account.number, amount="30.01")
    assert refused.value.code == "ABOVE_REFUNDABLE"
    receipt.refresh_from_db()
    assert receipt.refunding_cents == 0
    assert not RefundRequest.objects.exists()


def test_a_balance_that_moved_is_quoted_again(owner: User, account: BillingAccount) -> None:
    money_in(account, 3000)
    given = ctx(owner)
    raw = {"account": account.number, "amount": "10.00"}
    quoted = slips.quote(operation="balance.refund", ctx=given, raw=raw)
    code = sent_code("balance.refund", given, raw)
    build.bill(account, 1000)
    with pytest.raises(HallError) as refused:
        slips.submit(
            operation="balance.refund",
            ctx=given,
            raw=raw,
            quote_digest=quoted.quote.digest,
            confirmation={"agreed": "yes", "code": code},
            idempotency_key="key-once",
        )
    assert refused.value.code == "QUOTE_CHANGED"
    assert not RefundRequest.objects.exists()


def test_cash_goes_back_by_hand_and_says_so(owner: User, account: BillingAccount) -> None:
    money_in(account, 3000, gateway="cash")
    shown = lines(owner, "balance.refund", account=account.number, amount="10.00")
    assert "人工退款" in shown[-1][0]


@pytest.mark.parametrize("role", [Membership.Role.PAYER, Membership.Role.VIEWER, Membership.Role.HANDLER])
@pytest.mark.parametrize(
    ("operation", "raw"),
    [("balance.refund", {"amount": "1"}), ("balance.auto_use", {"automatic": "off"})],
)
def test_only_the_owner_moves_credit(
    role: str, operation: str, raw: dict[str, str], account: BillingAccount
) -> None:
    other = build.user()
    Membership.objects.create(user=other, account=account, role=role, created_at=NOON)
    money_in(account, 3000)
    with pytest.raises(HallError):
        do(other, operation, account=account.number, **raw)
    assert not RefundRequest.objects.exists()
    assert not BalancePreference.objects.exists()


@pytest.mark.parametrize(
    ("operation", "raw"),
    [
        ("balance.topup", {"amount": "1", "gateway": "alipay"}),
        ("balance.refund", {"amount": "1"}),
        ("balance.auto_use", {"automatic": "off"}),
    ],
)
def test_a_stranger_changes_nothing(operation: str, raw: dict[str, str], account: BillingAccount) -> None:
    money_in(account, 3000)
    with pytest.raises(HallError):
        do(build.user(), operation, account=account.number, **raw)
    assert not RefundRequest.objects.exists()
    assert not Payment.objects.exists()
    assert not BalancePreference.objects.exists()


# The page


def test_the_page_shows_every_movement_and_the_sum(
    owner: User, account: BillingAccount, client: Client
) -> None:
    money_in(account, 3000)
    build.bill(account, 2600)
    money_in(account, 500, review="DUPLICATE")
    client.force_login(owner)
    answer = client.get(reverse("billing:balance"))
    entries = list(answer.context["page_obj"])
    assert [(one.amount_cents, one.after_cents) for one in entries] == [
        (500, 900),
        (-2600, 400),
        (3000, 3000),
    ]
    assert entries[0].after_cents == build.balance(account)
    page = answer.content.decode()
    for text in ("¥4.00", "¥5.00", "退还余额", "待核查款项"):
        assert text in page


def test_a_stranger_gets_404(account: BillingAccount, client: Client) -> None:
    client.force_login(build.user())
    assert client.get(reverse("billing:balance"), {"account": account.number}).status_code == 404
    assert client.get(reverse("billing:balance")).status_code == 200


def test_a_member_who_does_not_own_it_is_offered_nothing(account: BillingAccount, client: Client) -> None:
    other = build.user()
    Membership.objects.create(user=other, account=account, role=Membership.Role.PAYER, created_at=NOON)
    client.force_login(other)
    assert "退还余额" not in client.get(reverse("billing:balance")).content.decode()


def test_the_page_costs_few_queries(
    owner: User, account: BillingAccount, client: Client, django_assert_max_num_queries: Any
) -> None:
    for n in range(30):
        money_in(account, 100 + n)
        build.bill(account, 90)
    client.force_login(owner)
    with django_assert_max_num_queries(12):
        assert client.get(reverse("billing:balance")).status_code == 200
    assert Bill.objects.filter(account=account).count() == 30
