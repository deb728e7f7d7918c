"""`kill -9` of a worker at every step of a refund: the gateway pays once, the books hold it once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery

from billing.gateways import registry
from billing.gateways.base import Charge
from billing.models import AccountBalance, LedgerEntry, Receipt, Refund, RefundRequest, RefundState
from billing.services.payments import payments
from billing.services.refunds import refund_queue
from core import clock
from core.models import OutboxRow
from notices.models import Message
from tests.billing import build, refunds_build
from tests.faults.halts import REFUND_COMMITTING, REFUNDING, Halts, halts
from tests.faults.house import PATIENCE, House
from tests.gateways import keys
from tests.sandbox import process
from tests.sandbox.process import SandboxProcess

BEFORE_BOOKING = "lock of the account after the gateway's answer"
STEPS = (*REFUNDING, *REFUND_COMMITTING)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """The stand-in gateway with the keys that the houses of these tests know."""
    folder = tmp_path_factory.mktemp("gateway")
    for name, pair in (("app", keys.MERCHANT), ("alipay", keys.ALIPAY)):
        (folder / f"{name}_private_key.pem").write_text(pair.private_pem)
        (folder / f"{name}_public_key.pem").write_text(pair.public_pem)
    with process.running("--keys", str(folder)) as running:
        yield running


@pytest.fixture
def refunding(house: House, sandbox: SandboxProcess, alipay_keys: None, settings: Any) -> Iterator[House]:
    """The house, whose gateway answers."""
    settings.ALIPAY_GATEWAY_URL = house.gateway_url = sandbox.gateway_url
    yield house
    house.gateway_url = House.gateway_url


@dataclass(frozen=True)
class Outcome:
    """What one refund left behind."""

    state: str
    steps: tuple[str, ...]
    receipt: tuple[int, int]  # refunded, reserved
    refunds: tuple[tuple[str, int], ...]
    entries: tuple[int, ...]
    balance_cents: int
    news: tuple[str, ...]
    messages: int
    at_gateway: object  # fen that it says it paid


def expected(row: RefundRequest) -> Outcome:
    return Outcome(
        state="SUCCEEDED",
        steps=("REQUESTED", "APPROVED", "SUCCEEDED"),
        receipt=(1000, 0),
        refunds=((row.number, 1000),),
        entries=(2600, -1000),
        balance_cents=1600,
        news=("DONE", "DONE"),
        messages=1,
        at_gateway=1000,
    )


def outcome(sandbox: SandboxProcess, row: RefundRequest) -> Outcome:
    row.refresh_from_db()
    receipt = Receipt.objects.get(pk=row.receipt_id)
    entries = LedgerEntry.objects.filter(account=row.account).order_by("id")
    return Outcome(
        state=row.state,
        steps=tuple(refunds_build.steps(row)),
        receipt=(receipt.refunded_cents, receipt.refunding_cents),
        refunds=tuple(Refund.objects.filter(receipt=receipt).values_list("request_no", "amount_cents")),
        entries=tuple(entries.values_list("amount_cents", flat=True)),
        balance_cents=AccountBalance.objects.get(account=row.account).balance_cents,
        news=tuple(OutboxRow.objects.filter(key=f"refund:{row.number}").values_list("state", flat=True)),
        messages=Message.objects.filter(dedupe_key=f"refund_succeeded:{row.number}").count(),
        at_gateway=sandbox.trade(row.reference)["refunded_cents"],
    )


def customer(sandbox: SandboxProcess) -> Receipt:
    """Somebody who paid 26.00 too much at the gateway."""
    now = clock.now()
    started = payments.start(
        account_id=build.account(build.user()).pk,
        amount_cents=2600,
        gateway="alipay",
        payer_id=None,
        as_of=now,
        actor=build.ACTOR,
    )
    charge = Charge(
        reference=started.reference,
        amount_cents=2600,
        subject="电视费",
        created_at=now,
        expires_at=now + timedelta(minutes=30),
        return_url="http://127.0.0.1:9/return/",
        notify_url="http://127.0.0.1:9/notify/",  # no notice arrives: the worker must find out by itself
    )
    sandbox.press(sandbox.arrive(registry.get("alipay").create(charge).url), "pay")
    build.apply(started, registry.get("alipay").query(started.reference), as_of=now)
    return Receipt.objects.get(payment=started)


def wake(house: House) -> None:
    """The poke that the web would have sent."""
    app = Celery(broker=house.broker.url)
    with app.connection_for_write() as connection:
        app.send_task(refund_queue.TASK, queue="payments", connection=connection, ignore_result=True)


def stop_one_worker_at_each_step(
    house: House, sandbox: SandboxProcess, stops: Halts
) -> dict[str, RefundRequest]:
    stopped = {}
    for number, step in enumerate(STEPS, start=1):
        receipt = customer(sandbox)
        stops.at(receipt.account_id, step)
        stopped[step] = refunds_build.approved(receipt, as_of=clock.now())
        wake(house)
        stops.wait_for(number)
    return stopped


def stop_one_worker_before_booking(house: House, sandbox: SandboxProcess, stops: Halts) -> RefundRequest:
    """The gateway has paid and answered. The last to come: nobody waits for this lock for long."""
    row = refunds_build.approved(customer(sandbox), as_of=clock.now())
    stops.before_lock("accounts_billingaccount", row.account_id)
    wake(house)
    stops.wait_for(len(STEPS) + 1)
    return row


def time_passes() -> None:
    """The leases of the dead run out; until now nobody else could take their rows, and none is held for longer."""
    held = RefundRequest.objects.filter(state=RefundState.APPROVED)
    ends = [end for end in held.values_list("next_attempt_at", flat=True) if end is not None]
    assert ends
    assert max(ends) <= clock.now() + refund_queue.LEASE
    held.update(next_attempt_at=clock.now())


def all_is_done() -> bool:
    return not (
        RefundRequest.objects.filter(ended_at__isnull=True).exists()
        or OutboxRow.objects.filter(state=OutboxRow.State.PENDING).exists()
    )


@pytest.mark.parametrize("victims", ["the pool", "the whole worker"])
def test_a_worker_killed_at_each_step_leaves_every_refund_paid_once(
    refunding: House, sandbox: SandboxProcess, victims: str
) -> None:
    house = refunding
    house.start_worker(children=len(STEPS) + 3)
    with halts(house) as stops:
        refunding_rows = stop_one_worker_at_each_step(house, sandbox, stops)
        refunding_rows[BEFORE_BOOKING] = stop_one_worker_before_booking(house, sandbox, stops)
        house.kill_pool() if victims == "the pool" else house.kill_worker()
        stops.release()
    if victims == "the whole worker":
        house.start_worker(children=2)
    time_passes()
    wake(house)
    process.until(all_is_done, PATIENCE)
    assert {step: outcome(sandbox, row) for step, row in refunding_rows.items()} == {
        step: expected(row) for step, row in refunding_rows.items()
    }
    assert build.books_are_right()
