"""What a customer holds and how he stands, one row of each thing that staff can look at."""

from datetime import date

from accounts.models import BillingAccount, Segment, SegmentMembership, Standing
from catalog.choices import SuspensionReason
from catalog.holdings.services import families, subscriptions, suspensions
from catalog.holdings.services.subscriptions import Evidence, Wanted
from catalog.models import Offer, Pause, PausePolicy, ProductType, Suspension, TerminationReason
from core.actor import Actor
from operations.models import Slip
from tests.catalog.holdings import build as holdings
from tests.conftest import NOON

ACTOR = Actor("test:admin")


def everything(i: int, account: BillingAccount) -> None:
    """A family's offer in use with somebody asked to belong; one that is off; one that is over."""
    offer = _offer()
    wanted = Wanted(offer_id=offer.pk, begins_on=date(2026, 11, 1))
    kept, off, over = (
        subscriptions.begin(account_id=account.pk, wanted=wanted, actor=ACTOR, as_of=NOON) for _ in range(3)
    )
    suspensions.suspend(number=off.number, reason=SuspensionReason.STAFF, actor=ACTOR, as_of=NOON)
    slip = Slip.objects.filter(customer=account.customer).first() or Slip.objects.order_by("pk").last()
    assert slip is not None
    subscriptions.terminate(
        number=over.number,
        reason=TerminationReason.CUSTOMER,
        evidence=Evidence(slip_id=holdings.slip(account, line=over).pk),
        actor=ACTOR,
        as_of=NOON,
    )
    families.invite(payer_id=account.pk, account_number=f"99{i:08d}", actor=ACTOR, as_of=NOON)
    segment = Segment.objects.create(code=f"S{i}", name=f"客户群 {i}", reason="因为您在这里")
    SegmentMembership.objects.create(
        segment=segment, customer=account.customer, source="test", active_from=date(2026, 1, 1)
    )
    Standing.objects.create(customer=account.customer, tier="GOLD", active_from=date(2026, 1, 1))
    _pause(i, account, kept.number, slip)


def _pause(i: int, account: BillingAccount, number: str, slip: Slip) -> None:
    """What its customer switched off for a time, under a rule of its region."""
    suspensions.suspend(number=number, reason=SuspensionReason.CUSTOMER, actor=ACTOR, as_of=NOON)
    Pause.objects.create(
        suspension=Suspension.objects.get(subscription__number=number, reason=SuspensionReason.CUSTOMER),
        policy=PausePolicy.objects.create(
            region=account.region, active_from=date(2030 + i, 1, 1), active_to=date(2031 + i, 1, 1)
        ),
        slip=Slip.objects.create(
            number=f"SP{i:016d}",
            operation="service.pause",
            operation_version=1,
            state="DRAFT",
            channel=slip.channel,
            customer=account.customer,
            region=account.region,
            idempotency_key=f"pause-{i}",
            input_hash="x",
            started_at=NOON,
        ),
        resume_on=date(2026, 12, 18),
        created_at=NOON,
    )


def _offer() -> Offer:
    kind, _is_new = ProductType.objects.get_or_create(code="held", defaults={"name": "家庭产品"})
    offer, _is_new = Offer.objects.get_or_create(
        code="held-family",
        defaults={"name": "全家享", "type": kind, "family_limit": 3, "active_from": date(2020, 1, 1)},
    )
    return offer
