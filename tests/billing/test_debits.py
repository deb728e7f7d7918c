"""Debits by agreement: announced, taken on the day, tried again, and never more than was agreed."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import BillingAccount, Contact, User
from billing.models import (
    DebitAgreement,
    DebitAgreementState,
    DebitNotice,
    DebitTry,
    DisputeCause,
    DisputeState,
    Payment,
    PaymentState,
    Receipt,
)
from billing.services.bills import disputes
from billing.services.debits import debit_agreements, debits
from billing.services.payments import payments, settling
from billing.services.refunds import refunds
from notices.models import Delivery
from tests.billing import banks, build
from tests.billing.banks import Bank, bill, day, run, signed
from tests.billing.build import ACTOR, TODAY
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
DUE = TODAY + timedelta(days=10)


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Bank:
    return banks.open_bank(monkeypatch, settings)


@pytest.fixture
def alice() -> User:
    return build.user()


@pytest.fixture
def account(alice: User) -> BillingAccount:
    return build.account(alice)


@pytest.fixture
def agreement(bank: Bank, account: BillingAccount, alice: User) -> DebitAgreement:
    return signed(bank, account, alice)


def texts(code: str) -> list[str]:
    return list(Delivery.objects.filter(message__code=code).order_by("id").values_list("body", flat=True))


def states() -> list[str]:
    return list(Payment.objects.order_by("id").values_list("state", flat=True))


@pytest.mark.usefixtures("agreement")
def test_a_bill_is_announced_before_it_is_debited_on_its_day(bank: Bank, account: BillingAccount) -> None:
    due = bill(account, due_on=DUE)
    assert run(day(6)).touched == 0
    assert run(day(7)).as_json()["announced"] == 1
    assert texts("debit_due") == [
        f"【网上营业厅】尾号 {account.number[-4:]} 的户号 2026年11月账单 ¥26.00 将于 2026年11月28日 由银行代扣，"
        "请留足余额。有异议请在扣款前到网上营业厅提出；也可自行缴费或终止代扣。"
    ]
    assert run(day(8)).touched == run(day(9)).touched == 0
    assert run(day(10)).as_json()["done"] == 1
    payment = Payment.objects.get()
    assert (payment.state, payment.gateway, payment.amount_cents, payment.bill_id) == (
        PaymentState.SUCCEEDED,
        "bank_debit",
        2600,
        due.pk,
    )
    due.refresh_from_db()
    assert due.open_cents == 0
    assert len(texts("payment_received")) == 1
    assert run(day(11)).touched == run(day(20)).touched == 0
    assert bank.taken() == [2600]
    assert build.books_are_right()


@pytest.mark.usefixtures("agreement")
def test_a_bill_that_was_overdue_is_announced_first(bank: Bank, account: BillingAccount) -> None:
    bill(account, due_on=TODAY - timedelta(days=5))
    assert [run(day(days)).as_json()["done"] for days in (0, 1, 2)] == [0, 0, 0]
    assert run(day(3)).done == 1
    assert bank.taken() == [2600]  # its penalty is a bill of its own, and not debited


@pytest.mark.usefixtures("agreement")
def test_only_what_is_still_owed_is_debited(bank: Bank, account: BillingAccount) -> None:
    due = bill(account, due_on=DUE)
    run(day(7))
    paid = build.payment(account, 1000, first=due)
    build.apply(paid, build.report(paid))
    run(day(10))
    assert bank.taken() == [1600]
    assert build.balance(account) == 0


@pytest.mark.usefixtures("agreement")
def test_what_is_paid_meanwhile_is_not_debited(bank: Bank, account: BillingAccount) -> None:
    bill(account, due_on=DUE)
    run(day(7))
    paid = build.payment(account)
    build.apply(paid, build.report(paid))
    assert run(day(10)).touched == 0
    assert bank.taken() == []


def test_a_bill_above_the_limit_is_told_of_and_never_debited(
    bank: Bank, account: BillingAccount, alice: User
) -> None:
    signed(bank, account, alice, cents=2599)
    bill(account, due_on=DUE)
    assert run(day(7)).announced == 1
    (text,) = texts("debit_above_limit")
    assert "¥26.00 超过您设的代扣上限 ¥25.99，不会代扣" in text
    assert run(day(10)).touched == run(day(30)).touched == 0
    assert bank.debits == {}


@pytest.mark.usefixtures("agreement")
def test_a_disputed_bill_waits_for_the_answer(bank: Bank, account: BillingAccount, alice: User) -> None:
    due = bill(account, due_on=DUE)
    run(day(7))
    raised = disputes.begin(
        bill_id=due.pk,
        cause=DisputeCause.AMOUNT,
        text="不对",
        raised_by_id=alice.pk,
        actor=ACTOR,
        as_of=day(8),
    )
    assert run(day(10)).touched == 0
    disputes.close(dispute_id=raised.pk, state=DisputeState.WITHDRAWN, answer="", actor=ACTOR, as_of=day(11))
    assert run(day(11)).done == 1
    assert bank.taken() == [2600]


@pytest.mark.usefixtures("agreement")
def test_a_refused_debit_is_tried_twice_more_and_each_time_told(bank: Bank, account: BillingAccount) -> None:
    bank.poor = True
    bill(account, due_on=DUE)
    run(day(7))
    refused = [days for days in range(10, 40) if run(day(days)).refused]
    assert refused == [10, 12, 14]
    assert states() == [PaymentState.EXPIRED] * 3
    assert ["2026年11月30日 再试一次" in text for text in texts("debit_retry")] == [True, False]
    (last,) = texts("debit_failed")
    assert "没有代扣成功，不再重试" in last
    assert [one.number for one in DebitTry.objects.order_by("id")] == [1, 2, 3]
    assert (bank.taken(), Receipt.objects.count()) == ([], 0)


@pytest.mark.usefixtures("agreement")
def test_money_that_comes_in_time_for_the_second_try(bank: Bank, account: BillingAccount) -> None:
    bank.poor = True
    bill(account, due_on=DUE)
    run(day(7))
    run(day(10))
    bank.poor = False
    assert run(day(12)).done == 1
    assert bank.taken() == [2600]


@pytest.mark.usefixtures("agreement")
def test_a_lost_answer_is_asked_about_and_taken_once(bank: Bank, account: BillingAccount) -> None:
    bank.loses = True
    due = bill(account, due_on=DUE)
    run(day(7))
    assert run(day(10)).unknown == 1
    assert states() == [PaymentState.UNKNOWN]
    assert run(day(10, 10)).touched == run(day(13)).touched == 0  # undecided: never tried beside
    bank.loses = False
    settling.settle_due(as_of=day(10, 11))
    due.refresh_from_db()
    assert (states(), due.open_cents, bank.taken()) == ([PaymentState.SUCCEEDED], 0, [2600])
    assert build.books_are_right()


@pytest.mark.usefixtures("agreement")
def test_what_never_arrived_at_the_bank_is_closed_there_and_tried_again(
    bank: Bank, account: BillingAccount
) -> None:
    bill(account, due_on=DUE)
    run(day(7))
    bank.silent = True
    assert run(day(10)).unknown == 1
    bank.silent = False
    settling.settle_due(as_of=day(10, 12))
    assert states() == [PaymentState.EXPIRED]
    assert run(day(12)).done == 1
    assert bank.taken() == [2600]


def test_a_silent_bank_is_not_asked_again_in_the_same_run(bank: Bank) -> None:
    for _ in range(3):
        owner = build.user()
        found = build.account(owner)
        signed(bank, found, owner)
        bill(found, due_on=DUE)
    assert run(day(7)).announced == 3
    bank.silent = True
    assert run(day(10)).as_json() == debits.Counts(unknown=1).as_json()
    bank.silent = False
    settling.settle_due(as_of=day(10, 12))
    assert run(day(10, 13)).done == 2


@pytest.mark.usefixtures("agreement")
def test_who_is_just_paying_is_not_debited_beside(bank: Bank, account: BillingAccount, alice: User) -> None:
    bill(account, due_on=DUE)
    run(day(7))
    started = payments.start(
        account_id=account.pk,
        amount_cents=2600,
        gateway="alipay",
        payer_id=alice.pk,
        as_of=day(10),
        actor=ACTOR,
    )
    assert run(day(10)).skipped == 1
    assert bank.debits == {}
    payments.closed(payment_id=started.pk, as_of=day(10), actor=ACTOR, reason="test")
    assert run(day(10, 10)).done == 1


@pytest.mark.usefixtures("agreement")
def test_nothing_is_debited_after_the_end(bank: Bank, account: BillingAccount) -> None:
    bill(account, due_on=DUE)
    run(day(7))
    debit_agreements.end(account_id=account.pk, actor=ACTOR, as_of=day(9))
    assert run(day(10)).touched == 0
    assert bank.debits == {}


def test_an_end_at_the_bank_is_learnt_from_its_refusal(
    bank: Bank, account: BillingAccount, agreement: DebitAgreement
) -> None:
    bill(account, due_on=DUE)
    run(day(7))
    bank.end_agreement(agreement.reference)
    assert run(day(10)).refused == 1
    agreement.refresh_from_db()
    assert (agreement.state, agreement.ended_there_at) == (DebitAgreementState.ENDED, day(10))
    assert (len(texts("debit_ended")), len(texts("debit_failed")), texts("debit_retry")) == (1, 1, [])
    assert run(day(12)).touched == 0


@pytest.mark.usefixtures("agreement")
def test_who_has_no_phone_is_debited_all_the_same(bank: Bank, account: BillingAccount) -> None:
    Contact.objects.filter(account=account).delete()
    bank.poor = True
    bill(account, due_on=DUE)
    assert [run(day(days)).touched for days in (7, 10)] == [1, 1]
    assert texts("debit_due") == texts("debit_retry") == []


@pytest.mark.usefixtures("agreement")
def test_a_debit_goes_back_to_the_bank(account: BillingAccount) -> None:
    bill(account, due_on=DUE)
    run(day(7))
    run(day(10))
    assert refunds.way_of(Receipt.objects.get(), day(11)) == "SOURCE"


@pytest.mark.usefixtures("bank")
def test_orders_penalties_and_strangers_are_left_alone(account: BillingAccount) -> None:
    build.bill(account)
    assert run(day(40)).touched == 0


def test_the_database_lets_nobody_try_four_times(account: BillingAccount, agreement: DebitAgreement) -> None:
    due = bill(account, due_on=DUE)
    notice = DebitNotice.objects.create(agreement=agreement, bill=due, amount_cents=1, debit_on=DUE, at=NOON)
    with pytest.raises(IntegrityError, match="debit_try_three_at_most"), transaction.atomic():
        DebitTry.objects.create(notice=notice, number=4, payment=build.payment(account), at=NOON)


def test_what_was_paid_between_reading_and_debiting_is_skipped(
    bank: Bank, account: BillingAccount, agreement: DebitAgreement
) -> None:
    due = bill(account, due_on=DUE)
    run(day(7))
    paid = build.payment(account, first=due)
    build.apply(paid, build.report(paid))
    outcome = debits.debit(agreement_id=agreement.pk, bill_id=due.pk, as_of=day(10))
    assert (outcome, bank.debits) == ((debits.Outcome.SKIPPED, False), {})
