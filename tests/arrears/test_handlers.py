"""News of other rooms leads to the judgement of that account at once, and takes nothing away."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from accounts.models import BillingAccount, User
from arrears.models import ArrearsCase, CaseNotice, Exemption
from arrears.services import assessing, exemptions
from billing.models import Bill, DisputeCause, DisputeState
from billing.services.bills import adjustments, disputes, lowering
from billing.services.bulk import bulk_receipts
from catalog.models import Subscription
from core import outbox
from core.imports import runs
from core.models import OutboxRow
from notices.events import DeliveryFailed
from notices.models import Delivery, Failure, Message
from notices.services import failures
from tests.arrears import build
from tests.arrears.build import ACTOR, after, noon
from tests.billing import build as money
from tests.imports import build as imports

pytestmark = pytest.mark.django_db


def told(on: date) -> None:
    """All news that waits is carried out, a second later."""
    while outbox.dispatch(as_of=noon(on) + timedelta(seconds=1)):
        pass


@pytest.fixture
def suspended() -> tuple[BillingAccount, Subscription, Bill]:
    account = build.account()
    row = build.line(account)
    bill = build.bill(account)
    build.days(account, after(-3), after(35))
    assert build.is_off(row)
    told(after(35))
    return account, row, bill


def dispute(bill: Bill, on: date) -> Any:
    by = User.objects.filter(is_staff=False).first() or money.user()
    return disputes.begin(
        bill_id=bill.pk,
        cause=DisputeCause.AMOUNT,
        text="不对",
        raised_by_id=by.pk,
        actor=ACTOR,
        as_of=noon(on),
    )


def disputed(bill: Bill) -> None:
    dispute(bill, after(36))


def adjusted(bill: Bill) -> None:
    adjustments.adjust(bill_id=bill.pk, amount_cents=2600, reason="多计", actor=ACTOR, as_of=noon(after(36)))


def taken_back(bill: Bill) -> None:
    lowering.lower(bill_id=bill.pk, amount_cents=2600, reason="撤销", actor=ACTOR, as_of=noon(after(36)))


def paid(bill: Bill) -> None:
    build.pay(bill.account, 3000, after(36))


@pytest.mark.parametrize(
    ("happens", "reason"),
    [(disputed, "DISPUTED"), (adjusted, "ADJUSTED"), (taken_back, "ADJUSTED"), (paid, "PAID")],
)
def test_what_is_not_owed_any_more_brings_service_back_at_once(
    suspended: tuple[BillingAccount, Subscription, Bill], happens: Callable[[Bill], None], reason: str
) -> None:
    account, row, bill = suspended
    happens(bill)
    assert build.is_off(row)  # until the news is carried out
    told(after(36))
    assert not build.is_off(row)
    assert ArrearsCase.objects.get(account=account).close_reason == reason
    assert Message.objects.filter(code="restored").count() == 3  # two contacts and the inbox
    told(after(36))
    assert Message.objects.filter(code="restored").count() == 3


def test_a_dispute_of_one_bill_holds_what_the_others_would_bring() -> None:
    account = build.account()
    first = build.bill(account)
    build.bill(account, due_on=after(1))
    build.days(account, after(-3), after(29))
    told(after(29))
    dispute(first, after(29))
    told(after(29))
    assert Message.objects.filter(code="held_back").count() == 3
    assert build.days(account, after(30), after(45)) == {}


def test_the_answer_to_a_dispute_switches_nobody_off_in_that_second() -> None:
    """Everything else is ready: the first daily pass after the answer does it, by day."""
    account = build.account()
    row = build.line(account)
    first = build.bill(account, 100)
    build.bill(account)
    build.days(account, after(-3), after(30))
    told(after(30))
    asked = dispute(first, after(30))
    assert build.days(account, after(31), after(45)) == {}
    disputes.close(
        dispute_id=asked.pk, state=DisputeState.REJECTED, answer="无误", actor=ACTOR, as_of=noon(after(46))
    )
    told(after(46))
    assert (build.stage(account), build.is_off(row)) == ("SUSPEND_WARNED", False)
    assert build.days(account, after(46), after(60)) == {46: "SUSPENDED"}


def test_a_part_payment_switches_nobody_off_in_that_second() -> None:
    account = build.account()
    row = build.line(account)
    build.bill(account)
    build.days(account, after(-3), after(30))
    build.pay(account, 100, after(31))
    told(after(31))
    assert (build.stage(account), build.is_off(row)) == ("SUSPEND_WARNED", False)
    assert build.one(account, after(31)) == "SUSPENDED"


def test_an_exemption_ended_early_waits_for_the_daily_pass() -> None:
    account = build.account()
    row = build.line(account)
    build.bill(account)
    build.days(account, after(-3), after(30))
    granted = Exemption.objects.create(
        account=account, reason="HARDSHIP", note="x", active_from=after(30), active_to=after(60),
        created_by="user:1", created_at=noon(after(30)),
    )  # fmt: skip
    assert build.days(account, after(31), after(40)) == {}
    exemptions.end(exemption_id=granted.pk, ends_on=after(41), actor=ACTOR, as_of=noon(after(41)))
    assert (build.stage(account), build.is_off(row)) == ("SUSPEND_WARNED", False)
    assert build.days(account, after(41), after(42)) == {41: "SUSPENDED"}


def fail(code: str, failure: Failure, on: date) -> None:
    """What the gateway says of the notices of that kind which are under way."""
    for row in Delivery.objects.filter(message__code=code, channel="SMS"):
        row.state, row.failure = "FAILED", failure
        row.save(update_fields=["state", "failure"])
        failures.tell(row, failure, as_of=noon(on))


@pytest.mark.parametrize(("failure", "letters"), [(Failure.HARD, 1), (Failure.SOFT, 0)])
def test_a_dead_address_is_replaced_by_a_letter_at_once(failure: Failure, letters: int) -> None:
    account = build.account(phones=1, address="滨江路 1 号")
    build.bill(account)
    build.days(account, after(-3), after(22))
    build.one(account, after(23))
    build.deliver(after(23), state="SENT")
    fail("suspension_ahead", failure, after(24))
    told(after(24))
    assert Delivery.objects.filter(channel="LETTER", message__code="suspension_ahead").count() == letters
    assert CaseNotice.objects.filter(contact_ref="post").count() == letters


def test_news_of_messages_to_others_concerns_nobody_here() -> None:
    account = build.account(phones=1, address="滨江路 1 号")
    build.bill(account)
    build.days(account, after(-3), after(23))
    before = CaseNotice.objects.count()
    for ref in ("user:1", "account:0000000000", "account:", account.number):
        outbox.publish(
            DeliveryFailed(1, ref, "suspension_ahead", "SMS", Failure.HARD.value), as_of=noon(after(24))
        )
        told(after(24))
    assert CaseNotice.objects.count() == before


def test_who_is_in_no_arrears_is_not_judged() -> None:
    account = build.account()
    bill = build.bill(account)
    told(after(1))
    adjustments.adjust(bill_id=bill.pk, amount_cents=100, reason="多计", actor=ACTOR, as_of=noon(after(5)))
    told(after(5))
    assert not ArrearsCase.objects.exists()
    assert not Message.objects.filter(recipient_ref=f"account:{account.number}").exists()


def test_news_twice_is_news_once(suspended: tuple[BillingAccount, Subscription, Bill]) -> None:
    account, row, bill = suspended
    adjusted(bill)
    told(after(36))
    was = (ArrearsCase.objects.count(), Message.objects.count())
    build.one(account, after(36))
    assert (ArrearsCase.objects.count(), Message.objects.count(), build.is_off(row)) == (*was, False)


def _imported(folder: Path, *rows: tuple[str, int, date]) -> None:
    """Receipts that another system took: account, fen, day."""
    lines = [f"T{n},{number},,{cents / 100:.2f},{on}" for n, (number, cents, on) in enumerate(rows)]
    text = imports.RECEIPT_HEADER + "".join(f"{line}\n" for line in lines)
    job = runs.Job(path=imports.file(folder, text), chunk_rows=2)
    for _progress in bulk_receipts.load(job, profile="boss", as_of=noon(after(36))):
        pass


def test_money_of_an_import_brings_service_back_at_once_and_sends_no_receipts(
    suspended: tuple[BillingAccount, Subscription, Bill], tmp_path: Path
) -> None:
    account, row, _bill = suspended
    others = [build.account() for _n in range(2)]
    before = Message.objects.filter(code="payment_received").count()
    on = after(36)
    _imported(
        tmp_path, (others[0].number, 100, on), (account.number, 100_000, on), (others[1].number, 100, on)
    )
    assert build.is_off(row)
    told(on)
    assert not build.is_off(row)
    assert not ArrearsCase.objects.open().filter(account=account).exists()
    assert not ArrearsCase.objects.filter(account__in=others).exists()
    assert Message.objects.filter(code="payment_received").count() == before


def test_an_account_that_fails_after_an_import_keeps_nobody_waiting(
    suspended: tuple[BillingAccount, Subscription, Bill], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, row, _bill = suspended
    failing = build.account()
    build.line(failing)
    build.bill(failing)
    build.days(failing, after(-3), after(2))
    real = assessing.assess_one

    def sometimes(account_id: int, **how: Any) -> Any:
        if account_id == failing.pk:
            raise RuntimeError("power")
        return real(account_id, **how)

    monkeypatch.setattr(assessing, "assess_one", sometimes)
    on = after(36)
    _imported(tmp_path, (failing.number, 100_000, on), (account.number, 100_000, on))
    told(on)
    assert not build.is_off(row)
    assert not OutboxRow.objects.exclude(state="DONE").exists()
