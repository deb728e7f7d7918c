"""All payments that have no result are asked about now, the UNKNOWN ones first; the job asks when each is due."""

import logging
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.db.models import Case, IntegerField, Value, When

from accounts.selectors import regions
from billing.gateways import registry
from billing.models import Payment, PaymentState
from billing.models.payments import UNDECIDED
from billing.services.payments import settling
from core.actor import Actor

log = logging.getLogger(__name__)
NOT_ASKED = "NOT_ASKED"  # its gateway was silent before, or cannot be used here
FAILED = "FAILED"  # the books or the database refused what it said


@dataclass
class Reconciled:
    """How many payments stand where now; `open` names those that could not be asked about."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys([*map(str, PaymentState), NOT_ASKED, FAILED], 0)
    )
    open: list[str] = field(default_factory=list)

    def add(self, payment: Payment, outcome: str) -> None:
        self.counts[outcome] += 1
        if outcome in (PaymentState.UNKNOWN, NOT_ASKED, FAILED):
            self.open.append(payment.reference)


def reconcile(
    *,
    as_of: datetime,
    actor: Actor,
    started_before: datetime | None = None,
    account: str = "",
    region: str = "",
    limit: int | None = None,
    dry_run: bool = False,
) -> Reconciled:
    """Each payment without a result agrees with what its gateway says now, as far as that can be asked.

    A gateway that is silent is not asked again in this run. `account` is a number, `region` a
    code, `limit` a number of payments. With `dry_run` nobody is asked: what is open is told as it stands.
    """
    told, silent = Reconciled(), set[str]()
    for payment in _undecided(started_before, account, region)[:limit]:
        if dry_run:
            told.counts[payment.state] += 1
            continue
        if payment.gateway in silent:
            told.add(payment, NOT_ASKED)
            continue
        try:
            if not settling.settle(payment, as_of=as_of, actor=actor):
                silent.add(payment.gateway)
            payment.refresh_from_db(fields=["state"])
            told.add(payment, payment.state)
        except (ImproperlyConfigured, registry.UnknownGateway):
            silent.add(payment.gateway)
            told.add(payment, NOT_ASKED)
        except DatabaseError:
            raise
        except Exception:  # one payment's own trouble must not stop the others
            log.exception("payment not reconciled", extra={"payment": payment.reference})
            told.add(payment, FAILED)
    return told


def _undecided(started_before: datetime | None, account: str, region: str) -> list[Payment]:
    rank = Case(
        When(state=PaymentState.UNKNOWN, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    rows = Payment.objects.filter(regions.only(region), state__in=UNDECIDED).order_by(
        rank, "created_at", "id"
    )
    if started_before:
        rows = rows.filter(created_at__lte=started_before)
    if account:
        rows = rows.filter(account__number=account)
    return list(rows)
