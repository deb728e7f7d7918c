"""A promise to pay and an exemption: each holds for its days, each is ended by what happens."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import BillingAccount
from arrears.models import Exemption, ExemptionReason, Promise, PromiseState
from arrears.services import exemptions, promises
from catalog.models import Subscription
from core import approvals
from core.actor import Actor
from core.errors import HallError
from notices.models import Message
from operations.context import Context
from operations.models import Channel, SlipState
from operations.services import slips
from tests.admin.build import staff_with
from tests.arrears import build
from tests.arrears.build import ACTOR, after, noon
from tests.billing import build as money
from tests.catalog.holdings import build as holdings

pytestmark = pytest.mark.django_db


def promise(of: BillingAccount, past_due: int) -> Promise:
    at = noon(after(past_due))
    with transaction.atomic():
        return promises.make(account_id=of.pk, slip=holdings.slip(of, at=at), actor=ACTOR, as_of=at)


@pytest.fixture
def owing() -> BillingAccount:
    account = build.account()
    build.bill(account)
    build.days(account, after(-3), after(28))
    return account


def codes() -> set[str]:
    return set(Message.objects.values_list("code", flat=True))


def test_a_promise_holds_the_suspension_for_its_days_and_is_broken_after(owing: BillingAccount) -> None:
    made = promise(owing, 28)
    assert made.until == after(35)
    assert build.days(owing, after(28), after(35)) == {}
    assert "promise_made" in codes()
    assert "suspension_tomorrow" not in codes()
    assert build.days(owing, after(36), after(37)) == {37: "SUSPENDED"}
    made.refresh_from_db()
    assert made.state == PromiseState.BROKEN
    assert "promise_broken" in codes()


def test_paying_keeps_it(owing: BillingAccount) -> None:
    made = promise(owing, 28)
    build.pay(owing, 3000, after(33))
    build.run(after(33))
    made.refresh_from_db()
    assert (made.state, build.stage(owing)) == (PromiseState.KEPT, "NONE")


def test_once_a_month_only_while_something_is_due_and_not_after_suspension(owing: BillingAccount) -> None:
    promise(owing, 28)
    with pytest.raises(promises.AlreadyPromised):
        promise(owing, 29)
    assert build.days(owing, after(29), after(37)) == {37: "SUSPENDED"}
    with pytest.raises(promises.TooLate):
        promise(owing, 60)
    fresh = build.account()
    build.bill(fresh, due_on=after(60))
    with pytest.raises(promises.NothingOwed):
        promise(fresh, 60)
    promise(fresh, 61)
    build.run(after(70))
    with pytest.raises(promises.TooOften):
        promise(fresh, 71)
    assert Promise.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_customer_does_it_himself_and_nobody_else_for_him() -> None:
    alice, bob = money.user(), money.user()
    account = money.account(alice)
    build.bill(account)
    raw = {"account": account.number}
    ctx = Context(user=alice, channel=Channel.WEB, as_of=noon(after(5)))
    quoted = slips.quote(operation="bill.promise", ctx=ctx, raw=raw)
    slip = slips.submit(
        operation="bill.promise", ctx=ctx, raw=raw, quote_digest=quoted.digest, confirmation={"agreed": "yes"},
        idempotency_key="a-key-of-this-test-01",
    )  # fmt: skip
    assert slip.state == SlipState.DONE
    assert Promise.objects.get(account=account).slip_id == slip.pk
    with pytest.raises(HallError):
        slips.quote(
            operation="bill.promise",
            ctx=Context(user=bob, channel=Channel.WEB, as_of=noon(after(5))),
            raw=raw,
        )
    assert Promise.objects.count() == 1


def grant(of: BillingAccount, days: int, actor: Actor, *, past_due: int = 28, **changes: Any) -> Any:
    values: dict[str, Any] = {
        "account_id": of.pk, "reason": ExemptionReason.HARDSHIP, "note": "住院", "active_from": after(past_due),
        "active_to": after(past_due + days), "actor": actor, "as_of": noon(after(past_due)),
    }  # fmt: skip
    return exemptions.ask(**(values | changes))


def test_thirty_days_are_granted_by_one_person_and_more_wait_for_another(owing: BillingAccount) -> None:
    clerk = Actor.user(staff_with("arrears.add_exemption"))
    asked = grant(owing, 31, clerk).approval
    assert asked is not None
    assert not Exemption.objects.exists()
    boss = Actor.user(staff_with("arrears.approve_exemption", username="boss"))
    at = noon(after(29))
    with pytest.raises(HallError):
        approvals.decide(approval_id=asked.pk, approve=True, actor=clerk, reason="", as_of=at)
    approvals.decide(approval_id=asked.pk, approve=True, actor=boss, reason="属实", as_of=at)
    row = Exemption.objects.get()
    assert (row.approval_id, row.active_from, row.active_to) == (asked.pk, after(29), after(59))


def test_thirty_days_twice_are_sixty(owing: BillingAccount) -> None:
    clerk = Actor.user(staff_with("arrears.add_exemption"))
    assert grant(owing, 30, clerk).approval is None
    row = Exemption.objects.get()
    assert (row.approval_id, row.active_to, row.note) == (None, after(58), "住院")
    assert grant(owing, 5, clerk, past_due=29).approval is not None
    assert "held_back" in codes()
    exemptions.end(exemption_id=row.pk, ends_on=after(31), actor=clerk, as_of=noon(after(30)))
    row.refresh_from_db()
    assert row.active_to == after(31)
    with pytest.raises(exemptions.BadPeriod):
        exemptions.end(exemption_id=row.pk, ends_on=after(40), actor=clerk, as_of=noon(after(31)))
    with pytest.raises(exemptions.BadPeriod):
        grant(owing, 0, clerk)


def test_an_exemption_locks_whose_lines_the_account_pays_in_the_order_of_the_daily_pass() -> None:
    """Who locked his own account first and the others then would meet the pass crosswise."""
    member, head = build.account(), build.account()
    Subscription.objects.filter(pk=build.line(member).pk).update(payer=head)
    build.bill(head)
    with CaptureQueriesContext(connection) as asked:
        grant(head, 5, ACTOR)
    held = [
        each["sql"]
        for each in asked
        if "accounts_billingaccount" in each["sql"] and "FOR UPDATE" in each["sql"]
    ]
    assert "payer_id" in held[0]
