"""A plan of disconnections with a line that waits, and the warrant of one."""

from accounts.models import BillingAccount, User
from arrears.models import ArrearsCase, DisconnectPlan, PlanApproval, PlanLine, Warrant
from catalog.choices import SuspensionReason
from catalog.holdings.services import suspensions
from catalog.models import Subscription, Suspension
from core import clock
from core.actor import Actor
from tests.conftest import NOON

ACTOR = Actor("test:admin")


def everything(i: int, account: BillingAccount) -> None:
    today = clock.local_date(NOON)
    plan = DisconnectPlan.objects.create(
        number=f"DP{i:016d}",
        region=account.region,
        planned_on=today,
        digest=f"{i:064d}",
        lines_count=1,
        cap=1,
        made_by=None,
        created_at=NOON,
    )
    first, second = (User.objects.create(username=f"approves{i}-{n}", is_staff=True) for n in range(2))
    PlanApproval.objects.create(plan=plan, user=first, reason="〔核对无误〕", at=NOON)
    row = Subscription.objects.filter(account=account, state="ACTIVE").order_by("pk").first()
    assert row is not None
    suspensions.suspend(number=row.number, reason=SuspensionReason.ARREARS, actor=ACTOR, as_of=NOON)
    PlanLine.objects.create(plan=plan, subscription=row)
    Warrant.objects.create(
        subscription=row,
        suspension=Suspension.objects.get(subscription=row, reason=SuspensionReason.ARREARS),
        case=ArrearsCase.objects.get(account=account),
        plan=plan,
        first_approver=first,
        second_approver=second,
        judged_on=today,
        owed_cents=100,
        actor=ACTOR.ref,
        at=NOON,
    )
