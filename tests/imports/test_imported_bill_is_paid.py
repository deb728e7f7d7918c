"""Those whose bills came from another system pay like everybody else."""

import pytest

from accounts.models import BillingAccount, Membership
from accounts.services import members
from billing.models import Bill, PaymentState, Receipt
from billing.selectors import ledger_check
from billing.services import bulk_bills
from core.actor import Actor
from tests import shared_data
from tests.billing import build as books
from tests.conftest import NOON
from tests.imports import build

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("alipay_keys")
def test_a_customer_of_the_old_system_pays_an_imported_bill() -> None:
    path = shared_data.require("invoices/accounts_receivable.csv")
    build.load(bulk_bills.load, path, profile="accounts_receivable")
    account = BillingAccount.objects.get(number="0379-NEVHP")
    payer = books.user()
    members.bind(
        user_id=payer.pk,
        account_id=account.pk,
        role=Membership.Role.OWNER,
        actor=Actor.user(payer),
        as_of=NOON,
    )
    bill = Bill.objects.for_user(payer).get(source_number="0000611365")
    payment = books.payment(account, bill.open_cents, first=bill)
    books.apply(payment, books.report(payment))
    payment.refresh_from_db()
    bill.refresh_from_db()
    assert payment.state == PaymentState.SUCCEEDED
    assert (bill.total_cents, bill.open_cents) == (5594, 0)
    assert Receipt.objects.get().amount_cents == 5594
    assert not list(ledger_check.differences())
    again = build.load(bulk_bills.load, path, profile="accounts_receivable")
    assert (again.counts.unchanged, again.rejects) == (1977, [])
