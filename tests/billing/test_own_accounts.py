"""Nobody serves himself: staff neither ask for, nor decide about, nor take money of an account of their own."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Membership, User
from billing import approvals as kinds
from billing.models import (
    Bill,
    CounterMoney,
    Dispute,
    DisputeCause,
    DisputeState,
    PenaltyWaiver,
    Receipt,
    RefundRequest,
)
from billing.selectors.own_accounts import OwnAccount
from billing.services import counter
from billing.services.bills import disputes
from billing.services.payments import payments
from billing.services.refunds import refunds
from core import approvals, clock
from core.actor import Actor
from core.models import Approval, ApprovalState, AuditRow
from operations.models import Slip
from tests.billing import build
from tests.billing.test_suspense_staff import books, held, in_suspense, overspent
from tests.billing.till import deposit, make_clerk, receive, taken
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    cache.clear()
    with clock.stopped(NOON):
        yield


def staff(name: str) -> User:
    """Who may do everything."""
    return User.objects.create(
        username=name, phone=f"+8613711{len(name):06d}", is_staff=True, is_superuser=True
    )


def binds(user: User, account: BillingAccount, role: str = Membership.Role.VIEWER) -> None:
    Membership.objects.create(user=user, account=account, role=role, created_at=NOON)


@dataclass(frozen=True)
class Case:
    """What is asked for, of which account."""

    kind: str
    subject: Receipt | Bill | RefundRequest | CounterMoney
    cents: int
    account: BillingAccount | None
    data: Mapping[str, Any] = field(default_factory=dict)

    def ask(self, by: User) -> approvals.Outcome:
        return approvals.submit(
            kind=self.kind,
            subject=(self.subject._meta.label, self.subject.pk),
            amount_cents=self.cents,
            data=self.data,
            reason="客户申请",
            actor=Actor.user(by),
            as_of=NOON,
        )


def _use() -> Case:
    account = build.account()
    return Case(kinds.USE, held(account), 2600, account, {"account": account.pk})


def _transfer_here() -> Case:
    account = build.account()
    return Case(kinds.TRANSFER, in_suspense(), 2600, account, {"to_number": account.number})


def _transfer_away() -> Case:
    account = build.account()
    return Case(kinds.TRANSFER, held(account), 2600, account, {"to_number": build.account().number})


def _refund() -> Case:
    account = build.account()
    return Case(kinds.REFUND, held(account), 2600, account, {"reason_code": "DUPLICATE"})


def _asked(account: BillingAccount, **more: Any) -> RefundRequest:
    how: dict[str, Any] = {"reason": "重复", "reason_code": "DUPLICATE", "actor": build.ACTOR, "as_of": NOON}
    return refunds.request(receipt_id=held(account).pk, amount_cents=2600, **how, **more)


def _approve_refund() -> Case:
    account = build.account()
    return Case(kinds.APPROVE_REFUND, _asked(account), 2600, account)


def _refund_by_hand() -> Case:
    account = build.account()
    row = _asked(account, by_hand=True)
    refunds.approve(request_id=row.pk, actor=build.ACTOR, as_of=NOON)
    return Case(kinds.REFUND_BY_HAND, row, 2600, account, {"evidence": "BANK-7"})


def _overspent(kind: str) -> Callable[[], Case]:
    def make() -> Case:
        account = build.account()
        build.bill(account)
        return Case(kind, overspent(account), 1000, account)

    return make


def _on_bill(kind: str) -> Callable[[], Case]:
    def make() -> Case:
        account = build.account()
        return Case(kind, build.bill(account, 9900, issued_on=date(2026, 1, 1)), 100, account)

    return make


def _reversal() -> Case:
    account = build.account()
    return Case(counter.REVERSAL, taken(make_clerk("till"), account), 2600, account)


CASES: dict[str, Callable[[], Case]] = {
    "use": _use,
    "transfer here": _transfer_here,
    "transfer away": _transfer_away,
    "refund": _refund,
    "approve refund": _approve_refund,
    "refund by hand": _refund_by_hand,
    "reopen": _overspent(kinds.REOPEN),
    "waive": _overspent(kinds.WAIVE),
    "adjust": _on_bill(kinds.ADJUSTMENT),
    "waive penalty": _on_bill(kinds.PENALTY_WAIVER),
    "reversal": _reversal,
}


def all_there_is() -> tuple[Any, ...]:
    requests = list(RefundRequest.objects.order_by("pk").values())
    counts = PenaltyWaiver.objects.count(), AuditRow.objects.count(), Approval.objects.count()
    return books(), requests, counts, list(Approval.objects.values())


def refused(call: Callable[[], object]) -> None:
    before = all_there_is()
    with pytest.raises(OwnAccount):
        call()
    assert all_there_is() == before


def test_every_kind_of_work_with_money_is_here() -> None:
    """A new kind needs a case of its own, and its `check_person`."""
    declared = {kind.name for kind in approvals.kinds() if kind.name.startswith("billing.")}
    assert {make().kind for make in CASES.values()} == declared


@pytest.mark.parametrize("name", CASES)
def test_nobody_asks_for_what_is_his_own(name: str) -> None:
    case, me = CASES[name](), staff("me")
    assert case.account is not None
    binds(me, case.account)
    refused(lambda: case.ask(me))
    assert case.ask(staff("colleague")).approval is None
    assert build.books_are_right()


@pytest.mark.parametrize("name", CASES)
def test_nobody_decides_what_is_his_own(name: str, settings: Any) -> None:
    case, me = CASES[name](), staff("me")
    assert case.account is not None
    binds(me, case.account)
    settings.APPROVAL_LIMITS = dict.fromkeys(settings.APPROVAL_LIMITS, 0)
    asked = case.ask(staff("colleague")).approval
    assert asked is not None

    def decide(by: User, *, approve: bool = True) -> approvals.Outcome:
        return approvals.decide(
            approval_id=asked.pk, approve=approve, actor=Actor.user(by), reason="同意", as_of=NOON
        )

    for approve in (True, False):
        refused(partial(decide, me, approve=approve))
    decide(staff("another"))
    assert Approval.objects.get().state == ApprovalState.APPROVED
    assert build.books_are_right()


def test_money_that_would_go_back_to_who_paid_it_is_his_own_too() -> None:
    """He paid a stranger's bill: the refund goes to his wallet."""
    account, me = build.account(), staff("me")
    started = payments.start(
        account_id=account.pk,
        amount_cents=2600,
        gateway="alipay",
        payer_id=me.pk,
        as_of=NOON,
        actor=build.ACTOR,
    )
    payment = payments.sent_to_cashier(payment_id=started.pk, as_of=NOON, actor=build.ACTOR)
    build.apply(payment, build.report(payment))
    case = Case(kinds.REFUND, Receipt.objects.get(), 2600, None, {"reason_code": "BALANCE"})
    refused(lambda: case.ask(me))
    assert case.ask(staff("colleague")).approval is None


@pytest.mark.parametrize("verb", ["reject", "give_up", "send_again"])
def test_nobody_ends_or_repeats_a_refund_of_his_own(verb: str) -> None:
    account, me = build.account(), staff("me")
    binds(me, account)
    row = _asked(account)
    call = getattr(refunds, verb)
    refused(lambda: call(request_id=row.pk, actor=Actor.user(me), reason="x", as_of=NOON))


def test_the_customer_himself_still_takes_his_request_back() -> None:
    owner = build.user()
    row = _asked(build.account(owner))
    assert refunds.cancel(request_id=row.pk, actor=Actor.user(owner), as_of=NOON).state == "CANCELLED"


def test_nobody_answers_his_own_dispute() -> None:
    me = staff("me")
    account = build.account(me)
    dispute = disputes.begin(
        bill_id=build.bill(account).pk,
        cause=DisputeCause.AMOUNT,
        text="多收了",
        raised_by_id=me.pk,
        actor=Actor.user(me),
        as_of=NOON,
    )

    def close(state: DisputeState) -> Dispute:
        return disputes.close(
            dispute_id=dispute.pk, state=state, answer="属实", actor=Actor.user(me), as_of=NOON
        )

    refused(lambda: close(DisputeState.UPHELD))
    assert Dispute.objects.get().state == DisputeState.OPEN
    assert close(DisputeState.WITHDRAWN).state == DisputeState.WITHDRAWN  # as its customer


# At the counter


def test_nobody_takes_money_for_an_account_of_his_own() -> None:
    clerk, account = make_clerk(), build.account()
    binds(clerk, account, Membership.Role.PAYER)
    refused(lambda: receive(clerk, account))
    refused(lambda: receive(clerk, account, actor=build.ACTOR))
    refused(lambda: receive(make_clerk("name"), account, actor=Actor.user(clerk)))
    assert not Receipt.objects.exists()
    receive(make_clerk("other"), account)
    assert build.balance(account) == 2600


def test_the_desk_says_so_before_anything_is_confirmed() -> None:
    clerk, account = make_clerk(), build.account()
    binds(clerk, account)
    client = Client()
    client.force_login(clerk)
    raw = {"account": account.number, "amount": "26", "method": "CASH", "paper_no": "K0001"}
    answer = client.post(reverse("admin:billing_counter_desk"), raw)
    assert "涉及您本人绑定的户号" in answer.content.decode()
    assert not Receipt.objects.exists()
    assert not Slip.objects.filter(state="DONE").exists()


def test_the_cash_in_his_till_he_takes_to_the_bank_even_of_an_account_that_he_bound_since() -> None:
    clerk, account = make_clerk(), build.account()
    piece = taken(clerk, account)
    binds(clerk, account)
    assert deposit(clerk, piece).amount_cents == 2600
