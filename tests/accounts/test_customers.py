from datetime import timedelta

import pytest

from accounts import names, phones
from accounts.models import BillingAccount, Contact, Customer
from accounts.selectors import accounts as reads
from accounts.services import accounts, contacts, customers
from core.errors import NotFound
from notices import email_addresses
from tests.accounts import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


def test_a_customer_gets_the_next_number() -> None:
    first, second = (customers.create(name=" 王　小明 ", as_of=NOON) for _ in range(2))
    assert (first.name, first.kind, first.created_at) == ("王 小明", "PERSONAL", NOON)
    assert first.number.startswith("C20261118")
    assert int(second.number[1:]) == int(first.number[1:]) + 1


def test_a_customer_s_number_is_his_alone() -> None:
    customers.create(name="王", number="K1", as_of=NOON)
    with pytest.raises(customers.CustomerNumberTaken) as caught:
        customers.create(name="李", number="K1", as_of=NOON)
    assert caught.value.text == "编号 K1 已被使用"
    assert Customer.objects.get().name == "王"


def test_a_customer_has_a_readable_name() -> None:
    with pytest.raises(names.BadName):
        customers.create(name="<b>", as_of=NOON)
    assert not Customer.objects.exists()


def test_an_account_s_number_is_taken_once() -> None:
    account = build.account("8100-A")
    with pytest.raises(accounts.AccountNumberTaken):
        accounts.open_account(number=" 8100-A", customer_id=account.customer_id, as_of=NOON)
    assert BillingAccount.objects.get() == account


@pytest.mark.parametrize("number", ["", " ", "81/1", "户1", "8" * 33])
def test_what_is_no_account_number(number: str) -> None:
    customer = customers.create(name="王", as_of=NOON)
    with pytest.raises(accounts.BadAccountNumber):
        accounts.open_account(number=number, customer_id=customer.pk, as_of=NOON)


def add(account: BillingAccount, value: str, kind: str = "PHONE", **rest: object) -> Contact:
    return contacts.add(account_id=account.pk, kind=kind, value=value, as_of=NOON, **rest)  # type: ignore[arg-type]


def test_the_first_contact_of_a_kind_is_the_primary_one() -> None:
    account = build.account(contact="")
    add(account, "138 0000 0001")
    add(account, "13800000002")
    add(account, " Wang@Example.com ", "EMAIL")
    assert reads.primary_phone(account) == build.PHONE
    assert reads.primary_phone_of_number(account.number) == build.PHONE
    assert Contact.objects.get(account=account, kind="EMAIL", is_primary=True).value == "wang@example.com"


def test_a_new_primary_takes_the_place_of_the_old() -> None:
    account = build.account(contact=build.PHONE)
    add(account, build.OTHER_PHONE, is_primary=True)
    assert reads.primary_phone(account) == build.OTHER_PHONE
    add(account, build.PHONE, is_primary=True)
    assert reads.primary_phone(account) == build.PHONE
    assert account.contacts.count() == 2


def test_the_same_contact_again_is_that_contact() -> None:
    account = build.account(contact=build.PHONE)
    again = contacts.add(
        account_id=account.pk, kind="PHONE", value="13800000001", as_of=NOON + timedelta(days=1)
    )
    assert again.created_at == NOON
    assert again.is_primary


def test_what_is_no_contact() -> None:
    account = build.account(contact="")
    with pytest.raises(phones.BadPhone):
        add(account, "10086")
    with pytest.raises(email_addresses.BadEmail):
        add(account, "wang@", "EMAIL")
    with pytest.raises(names.BadName):
        add(account, "13800000001", name="<b>")
    with pytest.raises(NotFound):
        contacts.add(account_id=0, kind="PHONE", value="13800000001", as_of=NOON)
    assert not Contact.objects.exists()


def test_nobody_s_phone_is_empty() -> None:
    assert reads.primary_phone_of_number("nobody") == ""
    assert reads.by_number("nobody") is None
