"""Counter money for tests, made with the services."""

from typing import Any

from accounts.models import BillingAccount, User
from billing.models import CashDeposit, CounterMethod, CounterMoney
from billing.services import counter
from core import approvals
from core.actor import Actor
from tests.admin.build import certify, staff_with
from tests.billing import build
from tests.conftest import NOON


def make_clerk(username: str = "clerk") -> User:
    """One who takes money, at his post and with a certificate."""
    return certify(staff_with("billing.take_counter_money", "operations.add_slip", username=username))


def receive(
    clerk: User, account: BillingAccount, cents: int = 2600, paper: str = "K0001", **more: Any
) -> Any:
    given: dict[str, Any] = {
        "account_id": account.pk,
        "method": CounterMethod.CASH,
        "paper_no": paper,
        "amount_cents": cents,
        "taken_by_id": clerk.pk,
        "as_of": NOON,
        "actor": Actor.user(clerk),
    }
    return counter.receive(**(given | more))


def taken(
    clerk: User, account: BillingAccount, cents: int = 2600, paper: str = "K0001", **more: Any
) -> CounterMoney:
    receive(clerk, account, cents, paper, **more)
    return CounterMoney.objects.get(receipt__trade_no=paper)


def reverse_it(piece: CounterMoney, clerk: User) -> approvals.Outcome:
    return approvals.submit(
        kind=counter.REVERSAL,
        subject=("billing.CounterMoney", piece.pk),
        amount_cents=piece.receipt.amount_cents,
        data={},
        reason="户号录错",
        actor=Actor.user(clerk),
        as_of=NOON,
    )


def deposit(
    clerk: User, *pieces: CounterMoney, cents: int | None = None, slip: str = "BANK-1"
) -> CashDeposit:
    return counter.deposit(
        money_ids=[piece.pk for piece in pieces],
        amount_cents=sum(piece.receipt.amount_cents for piece in pieces) if cents is None else cents,
        bank_slip_no=slip,
        deposited_on=build.TODAY,
        deposited_by_id=clerk.pk,
        actor=Actor.user(clerk),
        as_of=NOON,
    )
