"""What runs of a month leave behind, one row of each thing that staff can look at."""

from accounts.models import BillingAccount
from catalog.models import BillRun, BillRunFailure, CarriedForward, ChargedMonth, Recharge
from tests.conftest import NOON


def everything(i: int, account: BillingAccount) -> None:
    """One of each."""
    period = f"{2000 + i}-10"
    BillRun.objects.create(period=period, started_at=NOON, worked_at=NOON)
    BillRunFailure.objects.create(account=account, period=period, error="NO_PRICE", failed_at=NOON)
    ChargedMonth.objects.create(
        account=account,
        period=period,
        digest="0" * 64,
        lines=[],
        total_cents=0,
        region=account.region,
        customer_kind=account.customer.kind,
        created_at=NOON,
    )
    Recharge.objects.create(account=account, period=period, reason="test", requested_at=NOON)
    CarriedForward.objects.create(account=account, from_period=period, amount_cents=1, created_at=NOON)
