"""Debits by agreement: announced, taken on the day, tried again, and never more than was agreed."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import BillingAccount, Contact, User
from billing import tasks
from billing.models import (
    Bill,
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
from billing.services import debit_agreements, debits, disputes, payments, refunds, settling
from core.models import Heartbeat
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


@pytest.mark.usefixtures("agreement")
def test_one_bad_bill_does_not_stop_the_others(
    bank: Bank, account: BillingAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = bill(account, due_on=DUE), bill(account, 9900, due_on=DUE)
    run(day(7))
    real = debits.debit

    def stumble(**given: Any) -> Any:
        if given["bill_id"] == first.pk:
            raise RuntimeError
        return real(**given)

    monkeypatch.setattr(debits, "debit", stumble)
    found = run(day(10))
    assert (found.failed, found.done, bank.taken()) == (1, 1, [9900])
    assert Bill.objects.get(pk=second.pk).open_cents == 0


@pytest.mark.usefixtures("agreement")
def test_one_bad_notice_does_not_stop_the_others(
    account: BillingAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bill(account, due_on=DUE)
    bill(account, 9900, due_on=DUE)
    real = debits._letter

    def stumble(notice: DebitNotice, phone: str) -> Any:
        if notice.bill_id == first.pk:
            raise RuntimeError
        return real(notice, phone)

    monkeypatch.setattr(debits, "_letter", stumble)
    found = run(day(7))
    assert (found.announced, found.failed) == (1, 1)
    assert DebitNotice.objects.get().amount_cents == 9900


@pytest.mark.usefixtures("agreement")
def test_the_command(bank: Bank, account: BillingAccount) -> None:
    bill(account, due_on=DUE)
    other = build.account(build.user())

    def told(**options: Any) -> Any:
        out = StringIO()
        call_command("collect_debits", json=True, stdout=out, **options)
        return {name: count for name, count in json.loads(out.getvalue()).items() if count}

    assert told(as_of=day(7), dry_run=True) == {"announced": 1}
    assert not DebitNotice.objects.exists()
    assert told(as_of=day(7), account=other.number) == {}
    assert told(as_of=day(7), account=account.number) == {"announced": 1}
    assert told(as_of=day(10), dry_run=True) == {"done": 1}
    assert bank.debits == {}
    bill(account, 9900, due_on=DUE)
    assert told(as_of=day(10), limit=1) == {"announced": 1}
    assert told(as_of=day(10), limit=1) == {"done": 1}
    out = StringIO()
    call_command("collect_debits", as_of=day(13), stdout=out)
    assert out.getvalue().strip() == "announced 0, done 1, refused 0, unknown 0, skipped 0, failed 0"
    with pytest.raises(CommandError):
        call_command("collect_debits", "--limit", "0")


@pytest.mark.usefixtures("agreement")
def test_the_command_says_that_something_failed(
    account: BillingAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill(account, due_on=DUE)
    monkeypatch.setattr(debits, "announce", lambda rows, as_of: 1 / 0)
    with pytest.raises(SystemExit) as caught:
        call_command("collect_debits", as_of=day(7), stdout=StringIO())
    assert caught.value.code == 1


@pytest.mark.usefixtures("agreement")
@pytest.mark.django_db(transaction=True)
def test_the_task_beats(account: BillingAccount) -> None:
    bill(account, due_on=DUE)
    assert tasks.collect_debits() == 0
    beat = Heartbeat.objects.get(job=debits.JOB)
    assert (beat.last_ok, set(beat.detail)) == (True, set(debits.Counts().as_json()))


def test_without_a_bank_nothing_happens(account: BillingAccount, settings: Any) -> None:
    settings.DEBIT_MERCHANT_ID = ""
    bill(account, due_on=TODAY)
    assert run(day(7)) == debits.Counts()
    assert tasks.tell_debit_ends() == 0


def test_the_number_of_queries_does_not_grow_with_the_agreements(bank: Bank) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            run(day(7), dry_run=True)
        return len(caught)

    def grow(count: int) -> None:
        for _ in range(count):
            owner = build.user()
            found = build.account(owner)
            signed(bank, found, owner)
            bill(found, due_on=DUE)

    grow(1)
    one = queries()
    grow(5)
    assert queries() == one


def test_the_database_lets_nobody_try_four_times(account: BillingAccount, agreement: DebitAgreement) -> None:
    due = bill(account, due_on=DUE)
    notice = DebitNotice.objects.create(agreement=agreement, bill=due, amount_cents=1, debit_on=DUE, at=NOON)
    with pytest.raises(IntegrityError, match="debit_try_three_at_most"), transaction.atomic():
        DebitTry.objects.create(notice=notice, number=4, payment=build.payment(account), at=NOON)
