"""A bank as a test moves it, in process; and debit agreements made with the services."""

from collections import deque
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from accounts.models import BillingAccount, User
from billing.gateways import registry
from billing.gateways.base import Charge, GatewayError, Report, ReportStatus
from billing.gateways.debit.bank import CODE, BankConfig, BankDebitGateway
from billing.gateways.debit.base import (
    AGREEMENT_ENDED,
    AgreementReport,
    AgreementRequest,
    AgreementStatus,
    DebitRefused,
)
from billing.models import Bill, DebitAgreement
from billing.services.bills import bills
from billing.services.debits import debit_agreements, debits
from billing.services.debits.debits import Counts, Job
from core import clock
from tests.billing import build, emails
from tests.billing.build import ACTOR
from tests.conftest import NOON
from tests.sandbox.process import SECRET

MERCHANT = "8800000001"


class Bank(BankDebitGateway):
    """`silent`: nothing is heard · `loses`: takes the money, loses the answer · `poor`: the customer has none."""

    def __init__(self) -> None:
        super().__init__(
            BankConfig(merchant_id=MERCHANT, secret=SECRET, gateway_url="http://127.0.0.1:9/debit")
        )
        self.agreements: dict[str, AgreementStatus] = {}
        self.debits: dict[str, Report | DebitRefused] = {}
        self.silent = self.loses = self.poor = False

    def sign(self, request: AgreementRequest) -> str:
        self._hear()
        self.agreements.setdefault(request.reference, AgreementStatus.WAITING)
        return f"https://bank.example.com/sign/{request.reference}"

    def query_agreement(self, reference: str) -> AgreementReport:
        self._hear()
        status = self.agreements.get(reference, AgreementStatus.NOT_FOUND)
        is_signed = status == AgreementStatus.ACTIVE
        return AgreementReport(
            reference=reference,
            status=status,
            agreement_no=f"BA{reference}" if is_signed else "",
            signed_at=NOON if is_signed else None,
        )

    def end_agreement(self, reference: str) -> None:
        self._hear()
        self.agreements[reference] = AgreementStatus.ENDED

    def debit(self, charge: Charge, agreement_no: str) -> Report:
        self._hear()
        if charge.reference not in self.debits:
            self.debits[charge.reference] = self._decide(charge, agreement_no)
        if self.loses:
            raise GatewayError("NETWORK", "the answer was lost", permanent=False)
        found = self.debits[charge.reference]
        if isinstance(found, DebitRefused):
            raise found
        return found

    def query(self, reference: str) -> Report:
        self._hear()
        found = self.debits.get(reference)
        if isinstance(found, Report):
            return found
        return _report(reference, 0, ReportStatus.CLOSED if found else ReportStatus.NOT_FOUND)

    def close(self, reference: str) -> ReportStatus:
        self._hear()
        found = self.debits.setdefault(reference, DebitRefused("CLOSED"))
        return ReportStatus.SUCCEEDED if isinstance(found, Report) else ReportStatus.CLOSED

    def taken(self) -> list[int]:
        """The fen of each debit that took money."""
        return [found.amount_cents for found in self.debits.values() if isinstance(found, Report)]

    def _decide(self, charge: Charge, agreement_no: str) -> Report | DebitRefused:
        if self.agreements.get(agreement_no.removeprefix("BA")) != AgreementStatus.ACTIVE:
            return DebitRefused(AGREEMENT_ENDED)
        if self.poor:
            return DebitRefused("INSUFFICIENT_FUNDS")
        return _report(charge.reference, charge.amount_cents, ReportStatus.SUCCEEDED)

    def _hear(self) -> None:
        if self.silent:
            raise GatewayError("NETWORK", "nobody answers", permanent=False)


def _report(reference: str, cents: int, status: ReportStatus) -> Report:
    paid = status == ReportStatus.SUCCEEDED
    return Report(
        gateway=CODE,
        reference=reference,
        trade_no=f"BD{reference}" if paid else "",
        status=status,
        amount_cents=cents,
        paid_at=NOON if paid else None,
        refunds=(),
        total_refunded_cents=0,
        buyer="",
        occurred_at=None,
        notify_id="",
    )


def open_bank(patch: pytest.MonkeyPatch, settings: Any) -> Bank:
    """The hall has a contract with this bank from now on."""
    found = Bank()
    settings.DEBIT_MERCHANT_ID = MERCHANT
    patch.setattr(registry, "debit_gateway", cache(lambda: found))
    patch.setattr(registry, "get", lambda code: found)
    return found


def asked(
    account: BillingAccount, user: User, *, cents: int = 50_000, as_of: datetime = NOON
) -> DebitAgreement:
    return debit_agreements.request(
        account_id=account.pk,
        user_id=user.pk,
        max_cents=cents,
        language="zh-hans",
        consent="同意",
        actor=ACTOR,
        as_of=as_of,
    )


def signed(
    bank: Bank, account: BillingAccount, user: User, *, cents: int = 50_000, as_of: datetime = NOON
) -> DebitAgreement:
    """Asked for, signed at the bank, and known here."""
    row = asked(account, user, cents=cents, as_of=as_of)
    bank.agreements[row.reference] = AgreementStatus.ACTIVE
    return debit_agreements.refresh(row, actor=ACTOR, as_of=as_of)


def bill(of: BillingAccount, cents: int = 2600, *, due_on: date) -> Bill:
    issued_on = due_on - timedelta(days=20)
    return bills.issue(
        account_id=of.pk,
        lines=[bills.Line("BASIC", "基本收视维护费", cents)],
        issued_on=issued_on,
        due_on=due_on,
        source="test",
        source_number=f"debit{of.pk}-{due_on}-{cents}",
        period=f"{issued_on:%Y-%m}",
        as_of=NOON,
    )


def day(after: int, hour: int = 9) -> datetime:
    """So many days after the day of NOON, at an hour of Shanghai."""
    on = build.TODAY + timedelta(days=after)
    return datetime(on.year, on.month, on.day, hour, tzinfo=clock.SHANGHAI).astimezone(UTC)


def run(as_of: datetime, **options: Any) -> Counts:
    """The whole run; then what it made known is carried out."""
    steps = deque(debits.run(Job(as_of=as_of, **options)), maxlen=1)
    emails.hear(as_of)
    return steps[0] if steps else Counts()
