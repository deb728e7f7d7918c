"""How far the bills of the last month are, for the status page."""

from dataclasses import dataclass
from datetime import date

from catalog.charging import rules
from catalog.charging.models import BillRun, BillRunFailure, Recharge
from catalog.holdings.models import Subscription
from catalog.pricing.types import Period


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Of the month that ended last. `run`: None where none was started. `is_needed`: somebody pays for something."""

    period: Period
    run: BillRun | None
    is_needed: bool
    failed: int  # accounts, of whatever month, that still have no bill
    waiting: int  # months of accounts that the next run puts right

    @property
    def is_complete(self) -> bool:
        return self.run is not None and self.run.completed_at is not None


def of_last_month(today: date) -> RunStatus:
    period = rules.before(Period.containing(today))
    return RunStatus(
        period=period,
        run=BillRun.objects.filter(period=period.code).first(),
        is_needed=Subscription.objects.charged_within(period.begins_on, period.ends_on).exists(),
        failed=BillRunFailure.objects.filter(resolved_at=None).count(),
        waiting=Recharge.objects.filter(done_at=None).count(),
    )
