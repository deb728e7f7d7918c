"""A closed billing account takes no members and no money ahead, and is still paid off."""

import pytest
from django.test import Client

from accounts.models import BillingAccount, Membership, User
from accounts.services import accounts, members
from accounts.services.accounts import AccountClosed
from billing.models import Payment, PaymentPurpose
from billing.services.debits import debit_agreements
from billing.services.payments import payments
from core.errors import NotFound
from operations.models import SlipState
from tests.accounts import build
from tests.accounts.desk import Committed, Desk
from tests.billing import build as money
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def desk(alice: User, account: BillingAccount, django_capture_on_commit_callbacks: Committed) -> Desk:
    accounts.close_account(account_id=account.pk, as_of=NOON)
    return Desk(alice, django_capture_on_commit_callbacks)


def test_it_is_closed_once_and_opened_again(account: BillingAccount) -> None:
    assert accounts.close_account(account_id=account.pk, as_of=NOON).closed_at == NOON
    with pytest.raises(AccountClosed):
        accounts.close_account(account_id=account.pk, as_of=NOON)
    assert accounts.reopen_account(account_id=account.pk, as_of=NOON).closed_at is None
    with pytest.raises(accounts.AccountOpen):
        accounts.reopen_account(account_id=account.pk, as_of=NOON)
    with pytest.raises(NotFound):
        accounts.close_account(account_id=0, as_of=NOON)


def test_nobody_binds_it(desk: Desk, account: BillingAccount) -> None:
    bob = build.user(build.OTHER_PHONE)
    with pytest.raises(AccountClosed):
        members.bind(user_id=bob.pk, account_id=account.pk, role="PAYER", actor=build.ACTOR, as_of=NOON)
    assert Membership.objects.count() == 1


def test_binding_tells_of_it_only_who_has_the_code(
    desk: Desk, account: BillingAccount, django_capture_on_commit_callbacks: Committed
) -> None:
    theirs = Desk(build.user(build.OTHER_PHONE), django_capture_on_commit_callbacks)
    assert theirs.quote("account.bind", account_number=account.number)
    with pytest.raises(AccountClosed):
        theirs.confirmed("account.bind", by=build.PHONE, account_number=account.number)
    assert Membership.objects.count() == 1


def test_no_money_ahead(desk: Desk, account: BillingAccount, alice: User) -> None:
    raw = {"account": account.number, "amount": "10.00", "gateway": "alipay"}
    assert desk.refusal("balance.topup", **raw) == "INVALID_INPUT"
    with pytest.raises(AccountClosed):
        payments.start(
            account_id=account.pk,
            amount_cents=1000,
            gateway="alipay",
            payer_id=alice.pk,
            purpose=PaymentPurpose.TOPUP,
            as_of=NOON,
            actor=build.ACTOR,
        )
    assert not Payment.objects.exists()


def test_what_it_owes_is_paid_and_not_a_fen_more(desk: Desk, account: BillingAccount) -> None:
    money.bill(account, 2600)
    raw = {"account": account.number, "gateway": "alipay"}
    assert desk.refusal("bill.pay", amount="26.01", **raw) == "ACCOUNT_CLOSED"
    assert desk.submit("bill.pay", amount="26.00", **raw).state == SlipState.IN_PROGRESS
    assert Payment.objects.get().amount_cents == 2600


def test_no_bank_is_signed_with(desk: Desk, account: BillingAccount, alice: User) -> None:
    with pytest.raises(AccountClosed):
        debit_agreements.request(
            account_id=account.pk,
            user_id=alice.pk,
            max_cents=1,
            language="zh-hans",
            consent="",
            actor=build.ACTOR,
            as_of=NOON,
        )


def test_its_page_says_so(desk: Desk, alice: User, client: Client) -> None:
    client.force_login(alice)
    text = client.get("/me/accounts/8100000001/").content.decode()
    assert "已于 2026年11月18日 销户" in text
    assert "member.invite" not in text
    assert "已销户" in client.get("/me/accounts/").content.decode()
