"""An account whose disconnection is disputed, and whose evidence is sealed."""

from datetime import timedelta

from accounts.models import BillingAccount
from arrears.models import EscalationSource, EvidenceRoot, EvidenceSeal, SealedRow, SealFailure
from arrears.services import escalations
from core import clock
from core.actor import Actor
from tests.conftest import NOON

ACTOR = Actor("test:admin")


def everything(account: BillingAccount) -> None:
    night = clock.local_date(NOON)
    escalations.begin(
        account_id=account.pk,
        source=EscalationSource.SUPERIOR,
        text="〔没有收到通知〕",
        actor=ACTOR,
        as_of=NOON,
    )
    seal = EvidenceSeal.objects.create(
        account=account, sequence=1, sealed_on=night, rows=1, digest="a" * 64, sealed_at=NOON
    )
    SealedRow.objects.create(
        seal=seal, account=account, table_name="billing_ledgerentry", row_id=account.pk, digest="b" * 64
    )
    before = timedelta(days=EvidenceRoot.objects.count())
    EvidenceRoot.objects.create(sealed_on=night - before, seals=1, digest="c" * 64, sealed_at=NOON)
    SealFailure.objects.create(account=account, error="row is gone", failed_at=NOON)
