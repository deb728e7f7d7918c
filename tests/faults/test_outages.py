"""The broker and the database die under load and come back: what was accepted is applied once, nothing else is."""

import time
from collections import Counter
from collections.abc import Sequence

import pytest
from django.db import connection

from billing.models import AccountBalance, CallbackState, GatewayCallback, Payment, PaymentState, Receipt
from core import clock
from tests.billing import build
from tests.faults.caller import Answer, paid, stream
from tests.faults.house import PATIENCE, House
from tests.sandbox import process

PAYMENTS = 60
BOUND = 1.0  # seconds within which a callback is answered while the broker is away


def owed() -> list[Payment]:
    """Customers at the cashier."""
    payments = []
    for _ in range(PAYMENTS):
        account = build.account()
        payments.append(build.payment(account, first=build.bill(account), as_of=clock.now()))
    return payments


@pytest.fixture
def payments(house: House) -> list[Payment]:
    """Customers at the cashier, a worker and the scheduler of the sweepers."""
    house.start_worker(children=2)
    house.start_beat()
    return owed()


def accepted(answers: Sequence[Answer]) -> Counter[str]:
    """How often each payment's notice got its `success`."""
    return Counter(answer.reference for answer in answers if answer.accepted)


def stored(payments: Sequence[Payment]) -> Counter[str]:
    rows = GatewayCallback.objects.filter(payment__in=payments, verdict="OK")
    return Counter(rows.values_list("reference", flat=True))


def all_applied() -> bool:
    return not GatewayCallback.objects.exclude(state=CallbackState.APPLIED).exists()


def all_applied_by_a_kept_worker(house: House) -> bool:
    """Celery ends when the broker dies under a message that it holds; whoever keeps the processes starts it again."""
    if house.processes["worker"].poll() is not None:
        house.start_worker(children=2)
    return all_applied()


def assert_applied_once(payments: Sequence[Payment], answers: Sequence[Answer]) -> None:
    """Each `success` stands for a stored callback; each payment that has one is booked once, the others are not."""
    assert accepted(answers) <= stored(payments)
    known = set(stored(payments))
    for payment in Payment.objects.filter(pk__in=[payment.pk for payment in payments]):
        is_paid = payment.reference in known
        assert payment.state == (PaymentState.SUCCEEDED if is_paid else PaymentState.PENDING)
        receipts = Receipt.objects.filter(payment=payment).values_list("amount_cents", "allocated_cents")
        assert list(receipts) == ([(2600, 2600)] if is_paid else [])
        assert AccountBalance.objects.get(account=payment.account).balance_cents == (0 if is_paid else -2600)
    assert build.books_are_right()


def test_the_broker_killed_under_load_costs_no_callback_and_no_second(
    house: House, payments: list[Payment]
) -> None:
    notices = [paid(payment) for payment in payments]
    with stream(house, notices) as load:
        time.sleep(1)
        house.broker.kill()
        away_from = time.monotonic()
        time.sleep(2)
        house.broker.launch()
        back_at = time.monotonic()
        time.sleep(1)
    assert {answer.text for answer in load.answers} == {"success"}
    assert max(answer.seconds for answer in load.answers) < BOUND
    assert [answer for answer in load.answers if away_from < answer.asked_at < back_at]
    process.until(lambda: all_applied_by_a_kept_worker(house), PATIENCE)
    assert_applied_once(payments, load.answers)


def test_the_database_killed_under_load_accepts_nothing_it_could_lose(
    house: House, payments: list[Payment]
) -> None:
    notices = [paid(payment) for payment in payments]
    with stream(house, notices) as load:
        time.sleep(1)
        house.postgres.kill()
        away_from = time.monotonic()
        time.sleep(2)
        back_from = time.monotonic()
        house.postgres.launch()
        back_at = time.monotonic()
        time.sleep(2)
    meanwhile = [
        a for a in load.answers if away_from + 0.5 < a.asked_at and a.asked_at + a.seconds < back_from
    ]
    assert meanwhile
    assert not any(answer.accepted for answer in meanwhile)
    afterwards = [answer for answer in load.answers if answer.asked_at > back_at + 0.5]
    assert afterwards
    assert all(answer.accepted for answer in afterwards)
    connection.close()  # the test's own died with the server
    GatewayCallback.objects.filter(state=CallbackState.NEW).update(
        next_attempt_at=clock.now()
    )  # leases run out
    process.until(all_applied, PATIENCE)
    assert_applied_once(payments, load.answers)
