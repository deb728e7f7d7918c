"""Each rule of check_ledgers finds what breaks it. The breaking is done with the laws switched off, as their owner."""

import json
import re
from datetime import date

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import BillingAccount
from billing.models import Bill, EntryKind, Receipt, ReceiptTransfer
from billing.selectors.ledger_check import RULES
from billing.services.bills import adjustments
from billing.services.money import ledger, ledger_check, receipts
from core.models import Heartbeat
from tests.architecture.sources import ROOT
from tests.billing import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
RUNBOOK = (ROOT / "docs" / "runbooks" / "ledger-check-failed.md").read_text(encoding="utf-8")
STATEMENTS = dict(re.findall(r"^-- (.+)\n((?:.+\n)+?.+;)$", RUNBOOK, re.MULTILINE))  # by rule

BREAKS = {
    "balance = Σ ledger entries": "UPDATE billing_accountbalance SET balance_cents = balance_cents + 1",
    "balance = unallocated money − open bills": (
        "UPDATE billing_ledgerentry SET amount_cents = amount_cents + 1 WHERE kind = 'RECEIPT';"
        "UPDATE billing_accountbalance SET balance_cents = balance_cents + 1"
    ),
    "bill total = Σ lines": "UPDATE billing_billline SET amount_cents = amount_cents - 1",
    "bill paid = Σ allocations": "UPDATE billing_bill SET paid_cents = paid_cents - 1",
    "receipt allocated = Σ allocations": (
        "UPDATE billing_receipt SET allocated_cents = allocated_cents - 1 WHERE allocated_cents > 0"
    ),
    "receipt refunded = Σ refunds": "UPDATE billing_receipt SET refunded_cents = refunded_cents + 1",
    "receipt refunding = Σ requests under way": "UPDATE billing_receipt SET refunding_cents = refunding_cents + 1",
    "bill in the ledger": "DELETE FROM billing_ledgerentry WHERE kind = 'BILL'",
    "receipt in the ledger": "DELETE FROM billing_ledgerentry WHERE kind = 'RECEIPT'",
    "refund in the ledger": "DELETE FROM billing_ledgerentry WHERE kind = 'REFUND'",
    "money stays with its account": (
        "UPDATE billing_receipt SET account_id = (SELECT max(id) FROM accounts_billingaccount)"
    ),
    "receipt in the ledger of its account": (
        "UPDATE billing_receipttransfer SET to_account_id = (SELECT max(id) FROM accounts_billingaccount)"
    ),
    "transfer in the ledger, leaving and arriving": (
        "DELETE FROM billing_ledgerentry WHERE kind = 'TRANSFER' AND amount_cents < 0"
    ),
    "bill adjusted = Σ adjustments": (
        "UPDATE billing_bill SET adjusted_cents = adjusted_cents - 1 WHERE adjusted_cents > 0"
    ),
    "adjustment in the ledger": "DELETE FROM billing_ledgerentry WHERE kind = 'ADJUSTMENT'",
    "penalty bill = computed − waived − billed before": "UPDATE billing_penalty SET waived_cents = 1",
    "payment that succeeded has its receipt": "UPDATE billing_receipt SET review_reason = 'LATE'",
}


@pytest.fixture(autouse=True)
def paid_books() -> None:
    account = build.account()
    build.bill(account)
    payment = build.payment(account)
    build.apply(payment, build.report(payment, refunded=100))
    late = build.bill(build.account(), issued_on=date(2026, 1, 1))
    adjustments.adjust(bill_id=late.pk, amount_cents=100, reason="多计", actor=build.ACTOR, as_of=NOON)
    receipts.book(
        account_id=late.account_id, gateway="cash", trade_no="1", amount_cents=9900, paid_at=NOON, as_of=NOON
    )
    moved_receipt(build.account(), build.account())
    build.account()


def moved_receipt(meant: BillingAccount, booked: BillingAccount) -> None:
    receipts.book(
        account_id=booked.pk, gateway="cash", trade_no="2", amount_cents=500, paid_at=NOON, as_of=NOON
    )
    receipt = Receipt.objects.get(account=booked)
    transfer = ReceiptTransfer.objects.create(
        receipt=receipt,
        from_account=booked,
        to_account=meant,
        amount_cents=500,
        reason="x",
        actor="test:x",
        at=NOON,
    )
    for account, cents in ((booked, -500), (meant, 500)):
        ledger.post(
            account_id=account.pk,
            kind=EntryKind.TRANSFER,
            amount_cents=cents,
            transfer_id=transfer.pk,
            as_of=NOON,
        )
    Receipt.objects.filter(pk=receipt.pk).update(account=meant)


def test_right_books_have_no_difference() -> None:
    assert ledger_check.run(as_of=NOON) == []
    assert Heartbeat.objects.get(job="check_ledgers").last_ok


def test_every_rule_has_a_case_here() -> None:
    assert set(BREAKS) == set(RULES)


@pytest.mark.parametrize("rule", BREAKS)
def test_a_broken_identity_is_found(rule: str) -> None:
    tables = ["bill", "billline", "receipt", "ledgerentry", "accountbalance", "receipttransfer", "penalty"]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no event may be pending when laws are switched off
        for table in tables:
            cursor.execute(f"ALTER TABLE billing_{table} DISABLE TRIGGER USER")
        cursor.execute(BREAKS[rule])
    assert rule in {difference.rule for difference in ledger_check.run(as_of=NOON)}
    assert not Heartbeat.objects.get(job="check_ledgers").last_ok


@pytest.mark.parametrize("rule", RULES)
def test_the_runbook_says_what_to_do_about_it(rule: str) -> None:
    assert rule in STATEMENTS or f"`{rule}`" in RUNBOOK


@pytest.mark.parametrize("rule", STATEMENTS)
def test_the_runbooks_statement_corrects_it_and_nothing_else(rule: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(BREAKS[rule])
        found = [one for one in ledger_check.run(as_of=NOON) if one.rule == rule]
        assert found
        for one in found:
            cursor.execute(STATEMENTS[rule].replace(":'subject'", "%s"), [one.subject])
    assert ledger_check.run(as_of=NOON) == []


def test_an_entry_that_is_missing_is_posted_again_and_the_balance_summed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_ledgerentry DISABLE TRIGGER USER")
        cursor.execute(BREAKS["bill in the ledger"])
    lost = [one for one in ledger_check.run(as_of=NOON) if one.rule == "bill in the ledger"]
    for bill in Bill.objects.filter(number__in=[one.subject for one in lost]).select_related("account"):
        cents = next(one.expected_cents for one in lost if one.subject == bill.number)
        ledger.post(
            account_id=bill.account_id, kind=EntryKind.BILL, amount_cents=cents, bill_id=bill.pk, as_of=NOON
        )
        with connection.cursor() as cursor:
            summed = STATEMENTS["balance = Σ ledger entries"].replace(":'subject'", "%s")
            cursor.execute(summed, [bill.account.number])
    assert lost
    assert ledger_check.run(as_of=NOON) == []


def test_the_command_exits_with_one_on_a_difference(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_ledgers")
    assert capsys.readouterr().out == "0 differences\n"
    with connection.cursor() as cursor:
        cursor.execute(BREAKS["balance = Σ ledger entries"])
    with pytest.raises(SystemExit) as ended:
        call_command("check_ledgers", "--json")
    assert ended.value.code == 1
    rules = {row["rule"] for row in json.loads(capsys.readouterr().out)["differences"]}
    assert "balance = Σ ledger entries" in rules
