"""The job that collects debits: one bad bill, its command, its heartbeat, and what it costs."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import BillingAccount, Region, User
from billing import tasks
from billing.models import Bill, DebitAgreement, DebitNotice
from billing.services.debits import debits
from core.models import Heartbeat
from tests.billing import banks, build
from tests.billing.banks import Bank, bill, day, run, signed
from tests.billing.build import TODAY
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


@pytest.mark.usefixtures("bank")
def test_only_a_region(agreement: DebitAgreement, account: BillingAccount) -> None:
    Region.objects.create(code="R2", name="R2", level=Region.Level.CITY)
    city = Region.objects.create(code="R1", name="R1", level=Region.Level.CITY)
    BillingAccount.objects.filter(pk=account.pk).update(region=city)
    assert debits._next(debits.Job(as_of=NOON, region="R1"), 0) == [agreement.pk]
    assert debits._next(debits.Job(as_of=NOON, region="R2"), 0) == []
