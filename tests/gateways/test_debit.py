"""The bank's gateway against the stand-in process over real HTTP, and what it does not believe."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from billing.gateways import transport
from billing.gateways.base import (
    CallbackRejected,
    Charge,
    GatewayError,
    RefundStatus,
    ReportStatus,
    Trade,
)
from billing.gateways.debit.bank import CODE, BankConfig, BankDebitGateway
from billing.gateways.debit.base import AgreementRequest, AgreementStatus, DebitRefused
from billing.gateways.transport import Answer
from tests.billing.banks import MERCHANT
from tests.sandbox.process import SECRET, SandboxProcess, running


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running("--keys", str(tmp_path_factory.mktemp("keys"))) as process:
        yield process


def bank(url: str, **options: Any) -> BankDebitGateway:
    return BankDebitGateway(
        BankConfig(merchant_id=MERCHANT, secret=SECRET, gateway_url=f"{url}/debit"), **options
    )


@pytest.fixture
def gateway(sandbox: SandboxProcess) -> BankDebitGateway:
    return bank(sandbox.url)


def wanted(cents: int = 50_000, *, minutes: float = 30) -> AgreementRequest:
    return AgreementRequest(
        reference=secrets.token_hex(12),
        account_number="8100000001",
        max_cents=cents,
        sign_by=datetime.now(UTC) + timedelta(minutes=minutes),
        return_url="http://127.0.0.1:9/return/",
    )


def charge(cents: int = 2600, *, minutes: float = 30) -> Charge:
    now = datetime.now(UTC)
    return Charge(
        reference=f"HP{secrets.token_hex(10)}",
        amount_cents=cents,
        subject="户号 8100000001 缴费",
        created_at=now,
        expires_at=now + timedelta(minutes=minutes),
        return_url="",
        notify_url="",
    )


def press(sandbox: SandboxProcess, url: str, action: str) -> None:
    assert sandbox.press(url.removeprefix(sandbox.url), action).status == 303


def signed(sandbox: SandboxProcess, gateway: BankDebitGateway, cents: int = 50_000) -> tuple[str, str, str]:
    """Reference, number there, and page of an agreement that the customer signed."""
    request = wanted(cents)
    url = gateway.sign(request)
    press(sandbox, url, "sign")
    return request.reference, gateway.query_agreement(request.reference).agreement_no, url


def test_an_agreement_from_the_signature_to_its_end(
    sandbox: SandboxProcess, gateway: BankDebitGateway
) -> None:
    request = wanted()
    assert gateway.query_agreement(request.reference).status == AgreementStatus.NOT_FOUND
    url = gateway.sign(request)
    assert gateway.sign(request) == url
    waiting = gateway.query_agreement(request.reference)
    assert (waiting.status, waiting.agreement_no, waiting.signed_at) == (AgreementStatus.WAITING, "", None)
    press(sandbox, url, "sign")
    active = gateway.query_agreement(request.reference)
    assert (active.status, active.agreement_no[:2]) == (AgreementStatus.ACTIVE, "BA")
    assert active.signed_at is not None
    assert abs(active.signed_at - datetime.now(UTC)) < timedelta(seconds=10)
    for _ in range(2):
        gateway.end_agreement(request.reference)
        assert gateway.query_agreement(request.reference).status == AgreementStatus.ENDED
    with pytest.raises(GatewayError, match="AGREEMENT_ENDED"):
        gateway.sign(request)


def test_what_was_ended_before_it_was_known_is_never_signed(gateway: BankDebitGateway) -> None:
    request = wanted()
    gateway.end_agreement(request.reference)
    with pytest.raises(GatewayError) as caught:
        gateway.sign(request)
    assert caught.value.permanent


def test_one_reference_is_one_agreement(gateway: BankDebitGateway) -> None:
    request = wanted()
    gateway.sign(request)
    with pytest.raises(GatewayError, match="OTHER_CONTENT"):
        gateway.sign(replace(request, max_cents=1))


def test_too_late_to_sign(sandbox: SandboxProcess, gateway: BankDebitGateway) -> None:
    request = wanted(minutes=-1)
    press(sandbox, gateway.sign(request), "sign")
    assert gateway.query_agreement(request.reference).status == AgreementStatus.WAITING


def test_money_is_taken_once_however_often_it_is_asked_for(
    sandbox: SandboxProcess, gateway: BankDebitGateway
) -> None:
    reference, number, _url = signed(sandbox, gateway)
    given = charge()
    first = gateway.debit(given, number)
    assert (first.status, first.amount_cents, first.gateway) == (ReportStatus.SUCCEEDED, 2600, CODE)
    assert first.trade_no
    assert first.paid_at is not None
    assert "*" in first.buyer
    assert gateway.debit(given, number) == first == gateway.query(given.reference)
    assert gateway.close(given.reference) == ReportStatus.SUCCEEDED
    debits = sandbox.get("/debit/api/agreements", reference=reference).json()["debits"]
    assert isinstance(debits, list)
    assert [debit["amount_cents"] for debit in debits] == [2600]


@pytest.mark.parametrize("cents", [1, 9, 10, 99, 12_345_678])
def test_amounts_survive(sandbox: SandboxProcess, gateway: BankDebitGateway, cents: int) -> None:
    _reference, number, _url = signed(sandbox, gateway, 12_345_678)
    assert gateway.debit(charge(cents), number).amount_cents == cents


def test_a_lost_answer_is_known_by_asking(sandbox: SandboxProcess, gateway: BankDebitGateway) -> None:
    _reference, number, url = signed(sandbox, gateway)
    press(sandbox, url, "LOSE")
    given = charge()
    with pytest.raises(GatewayError) as caught:
        gateway.debit(given, number)
    assert not caught.value.permanent
    assert not isinstance(caught.value, DebitRefused)
    assert gateway.query(given.reference).status == ReportStatus.SUCCEEDED


def refusal(gateway: BankDebitGateway, given: Charge, number: str) -> str:
    with pytest.raises(DebitRefused) as caught:
        gateway.debit(given, number)
    assert caught.value.permanent
    assert gateway.query(given.reference).status == ReportStatus.CLOSED
    return caught.value.code


def test_refusals_are_for_good(sandbox: SandboxProcess, gateway: BankDebitGateway) -> None:
    reference, number, url = signed(sandbox, gateway)
    press(sandbox, url, "NO_MONEY")
    poor = charge()
    assert refusal(gateway, poor, number) == "INSUFFICIENT_FUNDS"
    press(sandbox, url, "SUCCEED")
    assert refusal(gateway, poor, number) == "INSUFFICIENT_FUNDS"
    assert refusal(gateway, charge(50_001), number) == "ABOVE_LIMIT"
    assert refusal(gateway, charge(minutes=-1), number) == "EXPIRED"
    gateway.end_agreement(reference)
    assert refusal(gateway, charge(), number) == "AGREEMENT_ENDED"
    assert refusal(gateway, charge(), "BA0") == "AGREEMENT_ENDED"


def test_a_debit_that_arrives_after_the_closing_takes_nothing(
    sandbox: SandboxProcess, gateway: BankDebitGateway
) -> None:
    _reference, number, _url = signed(sandbox, gateway)
    given = charge()
    assert gateway.query(given.reference).status == ReportStatus.NOT_FOUND
    for _ in range(2):
        assert gateway.close(given.reference) == ReportStatus.CLOSED
    assert refusal(gateway, given, number) == "REFUSED"


def test_refunds_go_back_once_and_never_more_than_was_taken(
    sandbox: SandboxProcess, gateway: BankDebitGateway
) -> None:
    _reference, number, _url = signed(sandbox, gateway)
    given = charge()
    trade = Trade(given.reference, gateway.debit(given, number).trade_no)
    assert gateway.query_refund(trade, "R1").status == RefundStatus.NOT_FOUND
    for _ in range(2):
        result = gateway.refund(trade, "R1", 1000, "多收")
        assert (result.status, result.amount_cents, result.total_refunded_cents) == (
            RefundStatus.SUCCEEDED,
            1000,
            1000,
        )
    assert gateway.query_refund(trade, "R1") == result
    for number_, cents in (("R1", 999), ("R2", 1601)):
        with pytest.raises(GatewayError) as caught:
            gateway.refund(trade, number_, cents, "多收")
        assert caught.value.permanent
    assert gateway.refund(trade, "R2", 1600, "多收").total_refunded_cents == 2600
    assert gateway.query(given.reference).total_refunded_cents == 2600
    assert gateway.query(given.reference).status == ReportStatus.SUCCEEDED


def test_it_has_no_cashier_and_sends_no_messages(gateway: BankDebitGateway) -> None:
    with pytest.raises(GatewayError) as caught:
        gateway.create(charge())
    assert caught.value.permanent
    with pytest.raises(CallbackRejected):
        gateway.parse_callback({}, b"{}")
    assert gateway.callback_reply(True) != gateway.callback_reply(False)


def test_when_nobody_answers_nothing_is_known() -> None:
    dead = bank("http://127.0.0.1:9")
    for ask in (
        lambda: dead.sign(wanted()),
        lambda: dead.query_agreement("A1"),
        lambda: dead.end_agreement("A1"),
        lambda: dead.debit(charge(), "BA1"),
        lambda: dead.query("P1"),
        lambda: dead.close("P1"),
        lambda: dead.refund(Trade("P1", ""), "R1", 1, "多收"),
        lambda: dead.query_refund(Trade("P1", ""), "R1"),
    ):
        with pytest.raises(GatewayError) as caught:
            ask()
        assert (caught.value.code, caught.value.permanent) == ("NETWORK", False)


def _instead(given: Answer, _answer: Answer) -> Answer:
    return given


class Meddler:
    """Answers with the real thing first, then as `change` turns it."""

    def __init__(self) -> None:
        self.last: Answer | None = None
        self.change: Callable[[Answer], Answer] = lambda answer: answer

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        found = transport.exchange(method, url, headers, body)
        self.last = found
        return self.change(found)


def test_an_answer_that_was_changed_or_belongs_to_another_question_is_not_believed(
    sandbox: SandboxProcess,
) -> None:
    meddler = Meddler()
    gateway = bank(sandbox.url, exchange=meddler.exchange)
    _reference, number, _url = signed(sandbox, gateway)
    given = charge()
    gateway.debit(given, number)
    gateway.query(given.reference)
    earlier = meddler.last
    assert earlier is not None
    more = earlier.body.replace(b"2600", b"9600")
    assert more != earlier.body
    for changed, code in (
        (replace(earlier), "BAD_ANSWER"),  # its nonce is of an earlier question
        (replace(earlier, body=more), "BAD_SIGNATURE"),
        (replace(earlier, status=201), "BAD_SIGNATURE"),
        (replace(earlier, headers={}), "BAD_SIGNATURE"),
        (replace(earlier, headers={"x-signature": "签"}), "BAD_SIGNATURE"),
    ):
        meddler.change = partial(_instead, changed)
        with pytest.raises(GatewayError) as caught:
            gateway.query(given.reference)
        assert (caught.value.code, caught.value.permanent) == (code, False)


@pytest.mark.parametrize(
    "values",
    [
        {"reference": "other"},
        {"status": "DONE"},
        {"status": 1},
        {"amount_cents": "26.00"},
        {"amount_cents": 26.0},
        {"amount_cents": True},
        {"amount_cents": -1},
        {"paid_at": "yesterday"},
        {"paid_at": "2026-11-18T04:00:00"},
        {"code": 1},
    ],
)
def test_a_signed_answer_that_is_not_as_it_must_be(values: dict[str, object]) -> None:
    given = {"code": "OK", "reference": "P1", "status": "SUCCEEDED", "amount_cents": 1, "trade_no": "T"}
    with pytest.raises(GatewayError) as caught:
        answering({**given, **values}).query("P1")
    assert (caught.value.code, caught.value.permanent) == ("BAD_ANSWER", False)


@pytest.mark.parametrize(
    ("values", "permanent"),
    [
        ({"code": "SYSTEM_BUSY"}, False),
        ({"code": "OK", "reference": "P1", "status": "PROCESSING"}, False),
        ({"code": "WRONG_MERCHANT"}, True),
    ],
)
def test_what_may_still_come_is_no_end(values: dict[str, object], permanent: bool) -> None:
    with pytest.raises(GatewayError) as caught:
        answering(values).query("P1")
    assert caught.value.permanent is permanent


def answering(values: dict[str, object]) -> BankDebitGateway:
    """A bank that gives this answer, rightly signed."""
    return saying(lambda nonce: json.dumps({"nonce": nonce, **values}).encode())


def saying(write: Callable[[str], bytes]) -> BankDebitGateway:
    def exchange(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        told = write(json.loads(body)["nonce"])
        seal = hmac.new(SECRET.encode(), b"200\n" + told, hashlib.sha256).hexdigest()
        return Answer(200, {"x-signature": seal}, told)

    return bank("http://127.0.0.1:9", exchange=exchange)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b"[" * 10_000])
def test_garbage_that_is_rightly_signed(body: bytes) -> None:
    with pytest.raises(GatewayError, match="BAD_ANSWER"):
        saying(lambda _nonce: body).query("P1")


def test_a_reference_is_checked_before_it_leaves(gateway: BankDebitGateway) -> None:
    with pytest.raises(GatewayError, match="BAD_REFERENCE"):
        gateway.query("../P1")


def test_the_stand_in_forgets_nothing_over_a_restart(tmp_path: Path) -> None:
    options = ("--keys", str(tmp_path), "--state", str(tmp_path / "state.sqlite"))
    with running(*options) as first:
        reference, number, _url = signed(first, bank(first.url))
        given = charge()
        told = bank(first.url).debit(given, number)
    with running(*options) as second:
        again = bank(second.url)
        assert again.query(given.reference) == told == again.debit(given, number)
        assert again.query_agreement(reference).status == AgreementStatus.ACTIVE
