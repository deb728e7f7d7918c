"""What a debit gateway speaks beside the common protocol: agreements with customers, and debits by them.

As everywhere in this room: what comes back has been verified, so whoever holds it may believe it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from billing.gateways.base import Charge, Gateway, GatewayError, Report

AGREEMENT_ENDED = "AGREEMENT_ENDED"  # the code of a refusal because there is no agreement any more


class AgreementStatus(StrEnum):
    """Where an agreement stands at the gateway."""

    WAITING = "WAITING"  # the customer may still sign
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"  # for good, whoever ended it; also when it was never signed
    NOT_FOUND = "NOT_FOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementRequest:
    """What the customer shall sign. `reference` is ours and unique for ever."""

    reference: str
    account_number: str
    max_cents: int  # the most that one debit may take; the gateway itself refuses more
    sign_by: datetime  # after this moment the gateway takes no signature
    return_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementReport:
    """A verified statement about one agreement."""

    reference: str
    status: AgreementStatus
    agreement_no: str  # the gateway's own number; "" until it is signed
    signed_at: datetime | None


class DebitRefused(GatewayError):
    """The gateway said no for good: by this reference no money was or will be taken. `code` says why."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code, message, permanent=True)


class DebitGateway(Gateway, Protocol):
    """A gateway that debits. Its charges need no cashier: `create` refuses, everything else is as with any gateway.

    A debit that the gateway still works on is a temporary `GatewayError` from `query`, never a report: WAITING would
    say that the customer has to do something.
    """

    def sign(self, request: AgreementRequest) -> str:
        """Where the customer signs. The same request again is the same agreement."""

    def query_agreement(self, reference: str) -> AgreementReport:
        """How an agreement stands now. An unknown reference is a report with NOT_FOUND."""

    def end_agreement(self, reference: str) -> None:
        """No debit by it is taken any more, and it cannot be signed any more. Safe to repeat, also when unknown."""

    def debit(self, charge: Charge, agreement_no: str) -> Report:
        """Take the money now. Safe to repeat: a reference takes money at most once, and never after `expires_at`.

        SUCCEEDED, or raises `DebitRefused`, or another `GatewayError` when it cannot be known yet.
        """
