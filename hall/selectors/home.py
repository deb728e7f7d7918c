"""What the first page shows: over several rooms, each asked once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from accounts.rules import Action
from accounts.selectors import accounts as account_reads
from accounts.selectors import members
from billing.models import Bill, Payment
from billing.selectors import balances, bills, disputes
from billing.selectors import payments as payment_reads
from billing.selectors.balances import AccountOverview
from catalog.orders.models import Order
from catalog.orders.selectors import orders as order_reads
from content.selectors import articles, halls
from content.selectors.articles import Front
from core import clock
from core.prepared import each_exists
from hall.rules import Facts, Next, next_action
from operations.models import Slip, SlipState
from operations.selectors import slips

SLIPS_SHOWN = 5
ORDERS_SHOWN = 3
HALLS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Home:
    """`due` is the account that owes first, None when nothing is owed or nothing is bound."""

    accounts: list[AccountOverview]
    undecided: list[Payment]
    slips: list[Slip]
    orders: list[Order]  # that wait for their payment, the most urgent first
    bills: list[Bill]
    today: date
    front: Front
    next: Next
    has_bounced: bool  # the mailbox of some bills by e-mail sends them back

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


def of_user(user: Any, *, as_of: datetime, offered: Callable[[], frozenset[str]]) -> Home:
    """Eleven queries at most, whatever the history. `offered` gives the codes of the operations that the user may use,
    and is asked only where nothing else comes first."""
    today = clock.local_date(as_of)
    accounts, undecided = balances.overview(user, today=today), payment_reads.undecided(user)
    known, owes = _known(user), any(each.owed_cents for each in accounts)
    codes = offered() if accounts and not owes else frozenset()
    facts = Facts(
        has_account=bool(accounts),
        has_undecided_payment=bool(undecided),
        owes=owes,
        has_email_bills=known.has_email_bills,
        may_have_email_bills="bill.email_subscribe" in codes,
        contact_is_verified=known.contact_is_verified,
        may_verify_contact="contact.change" in codes,
        has_auto_debit=known.has_auto_debit,
        may_have_auto_debit="balance.auto_debit" in codes,
    )
    return Home(
        accounts=accounts,
        undecided=undecided,
        slips=_slips(user) if known.has_slips else [],
        orders=list(order_reads.waiting_for_payment(user)[:ORDERS_SHOWN]) if known.has_orders else [],
        bills=bills.latest(user),
        today=today,
        front=articles.front(user, as_of=as_of),
        next=next_action(facts),
        has_bounced=known.has_bounced,
    )


def offers(user: Any, *, as_of: datetime) -> dict[str, bool]:
    """What the operations of the first page want to know of the user to be offered, by their names; one query."""
    asked = {
        "withdrawable": (disputes.WITHDRAWABLE, {"pk": user.pk}),
        "invites": (account_reads.SOME[Action.INVITE], {"pk": user.pk}),
        "invited": (members.INVITED, {"phone": user.proven_phone, "now": as_of}),
    }
    return dict(zip(asked, each_exists(*asked.values()), strict=True))


def _slips(user: Any) -> list[Slip]:
    """What is under way. Payments are shown as payments."""
    found = slips.of_user(user).filter(state=SlipState.IN_PROGRESS).exclude(subject_kind="payment")
    return list(found[:SLIPS_SHOWN])


@dataclass(frozen=True, slots=True)
class _Known:
    has_email_bills: bool = False
    has_bounced: bool = False
    contact_is_verified: bool = False
    has_auto_debit: bool = False
    has_slips: bool = False
    has_orders: bool = False


_KNOWN = """
    WITH mine AS (SELECT account_id FROM accounts_membership WHERE user_id = %(user)s)
    SELECT EXISTS (SELECT FROM billing_emailsubscription
                    WHERE account_id IN (SELECT * FROM mine) AND state IN ('PENDING', 'ACTIVE')),
           EXISTS (SELECT FROM billing_emailsubscription
                    WHERE account_id IN (SELECT * FROM mine) AND state = 'BOUNCED'),
           EXISTS (SELECT FROM accounts_contact
                    WHERE account_id IN (SELECT * FROM mine) AND verified_at IS NOT NULL),
           EXISTS (SELECT FROM billing_debitagreement
                    WHERE account_id IN (SELECT * FROM mine) AND state IN ('PENDING', 'ACTIVE')),
           EXISTS (SELECT FROM operations_slip
                    WHERE (actor_id = %(user)s OR on_behalf_of_id = %(user)s)
                      AND state = 'IN_PROGRESS' AND subject_kind <> 'payment'),
           EXISTS (SELECT FROM catalog_order
                    WHERE account_id IN (SELECT * FROM mine) AND state = 'ACCEPTED' AND finished_at IS NULL)"""


def _known(user: Any) -> _Known:
    """In one statement, on whichever of the user's accounts."""
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, {"user": user.pk})
        return _Known(*cursor.fetchone())


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a visitor finds."""

    front: Front
    helps: list[Any]
    halls: list[halls.Shown]


def of_visitor(user: Any, *, as_of: datetime) -> Welcome:
    """Six queries at most."""
    return Welcome(
        front=articles.front(user, as_of=as_of),
        helps=list(articles.helps(as_of=as_of)[:4]),
        halls=halls.shown(halls.listed(as_of=as_of)[:HALLS_SHOWN], as_of=as_of),
    )
