"""An operator loads a real export of bills and the phones of its customers; one of them pays a bill."""

import csv
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import BillingAccount, Contact, Membership
from accounts.services import users
from billing.models import Bill, Payment, PaymentState, Receipt
from billing.selectors import ledger_check
from core import clock, outbox
from operations.context import Context
from operations.models import Channel, Slip, SlipState
from operations.services import slips
from tests.billing import build
from tests.conftest import NOON
from tests.gateways import keys
from tests.shared_data import require

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("alipay_keys")]
PHONE = "13800001977"


def test_a_bill_of_the_export_is_paid(tmp_path: Path) -> None:
    export = require("invoices/accounts_receivable.csv")
    call_command("import_bills", str(export), "--profile", "accounts_receivable")
    assert Bill.objects.count() == 1977
    bill = Bill.objects.order_by("due_on", "id")[0]
    account = bill.account

    # The phones of the customers come from another system, in the plain form.
    phones = tmp_path / "phones.csv"
    with phones.open("w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows(
            [["户号", "姓名", "手机", "地址", "余额"], [account.number, "陈静", PHONE, "", "0"]]
        )
    call_command("import_accounts", str(phones))
    contact = Contact.objects.get(account=account)
    assert contact.value == f"+86{PHONE}"

    # Its owner reads the code there and is bound (the entrance has its own story), then pays that bill.
    user = users.create(phone=f"+86{PHONE}", name="陈静", as_of=NOON)
    Membership.objects.create(user=user, account=account, role=Membership.Role.OWNER, created_at=NOON)
    ctx = Context(user=user, channel=Channel.WEB, as_of=clock.now())
    raw = {
        "account": account.number,
        "bill": bill.number,
        "amount": f"{bill.total_cents // 100}.{bill.total_cents % 100:02d}",
        "gateway": "alipay",
    }
    quoted = slips.quote(operation="bill.pay", ctx=ctx, raw=raw)
    slip = slips.submit(
        operation="bill.pay",
        ctx=ctx,
        raw=raw,
        quote_digest=quoted.digest,
        confirmation={"agreed": "yes"},
        idempotency_key="imported-bill-1",
    )
    payment = Payment.objects.get(reference=slip.subject_id)
    fields = keys.notice(out_trade_no=payment.reference, total_amount=raw["amount"])
    answer = Client().post(
        "/payments/callbacks/alipay/",
        keys.signed(fields),
        content_type="application/x-www-form-urlencoded; charset=utf-8",
    )
    assert answer.content == b"success"
    build.work_off_callbacks()
    while outbox.dispatch(as_of=build.LATER):
        pass

    bill.refresh_from_db()
    payment.refresh_from_db()
    assert (bill.open_cents, payment.state) == (0, PaymentState.SUCCEEDED)
    assert Receipt.objects.get().account == account
    assert Slip.objects.get(pk=slip.pk).state == SlipState.DONE
    others = BillingAccount.objects.exclude(pk=account.pk)
    assert not Bill.objects.filter(account__in=others, paid_cents__gt=0).exists()
    assert not list(ledger_check.differences())
