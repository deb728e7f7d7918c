"""What the first page shows: over several rooms, each asked once."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from billing.models import Bill, Payment
from billing.selectors import balances, bills
from billing.selectors import payments as payment_reads
from billing.selectors.balances import AccountOverview
from operations.models import Slip, SlipState
from operations.selectors import slips

BILLS_SHOWN = 3
SLIPS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Home:
    """`due` is the account that owes first, None when nothing is owed or nothing is bound."""

    accounts: list[AccountOverview]
    undecided: list[Payment]
    slips: list[Slip]
    bills: list[Bill]
    today: date

    @property
    def due(self) -> AccountOverview | None:
        return next((each for each in self.accounts if each.owed_cents), None)

    @property
    def is_late(self) -> bool:
        """The account that is due first is past its day."""
        return self.due is not None and self.due.overdue(self.today)

    @property
    def credit_cents(self) -> int:
        return sum(each.credit_cents for each in self.accounts)


def of_user(user: Any, *, today: date) -> Home:
    """Seven queries at most, whatever the history."""
    return Home(
        accounts=balances.overview(user, today=today),
        undecided=payment_reads.undecided(user),
        # Payments under way are shown as payments.
        slips=list(
            slips.of_user(user)
            .filter(state=SlipState.IN_PROGRESS)
            .exclude(subject_kind="payment")[:SLIPS_SHOWN]
        ),
        bills=list(bills.of_user(user)[:BILLS_SHOWN]),
        today=today,
    )
