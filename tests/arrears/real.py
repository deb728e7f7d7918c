"""Accounts from public data, lived through day by day; what the daily pass wrote, said in the oracle's words."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.apps import apps
from django.db import connection, transaction

from accounts.models import BillingAccount, Contact, Customer
from arrears.models import ArrearsCase, CaseNotice, StageChange
from billing.services.bills import bills
from billing.services.bulk import bulk_receipts
from billing.services.bulk.bulk_receipts import Incoming
from catalog.holdings.services import subscriptions
from catalog.models import Subscription, Suspension
from tests.arrears import build, build_cut, oracle
from tests.arrears.build import ACTOR, noon
from tests.arrears.oracle import Step
from tests.catalog.holdings import build as holdings

LONG_AGO = date(2005, 1, 1)
EACH = 3  # who is told everything: the phone, the mailbox, the inbox
ROOMS = ("accounts", "arrears", "billing", "catalog", "notices")
_count = itertools.count(1)


@dataclass
class World:
    """Accounts by the name that the data has for them, and the oracle of each."""

    ids: dict[str, int] = field(default_factory=dict)
    told: dict[int, oracle.Account] = field(default_factory=dict)

    def add(self, names: Iterable[str]) -> None:
        """One account each, with one line that is paid afterwards, a phone and a mailbox."""
        wanted = list(names)
        at = noon(LONG_AGO)
        owners = Customer.objects.bulk_create(
            Customer(number=f"REAL{next(_count)}", name=name, created_at=at) for name in wanted
        )
        accounts = BillingAccount.objects.bulk_create(
            BillingAccount(number=f"83{next(_count):08d}", customer=owner, created_at=at) for owner in owners
        )
        Contact.objects.bulk_create(_contacts(accounts))
        offer = holdings.offer()
        for account in accounts:
            line = subscriptions.Wanted(offer_id=offer.pk, begins_on=LONG_AGO)
            subscriptions.begin(account_id=account.pk, wanted=line, actor=ACTOR, as_of=at)
        holdings.switch(at)
        assert Subscription.objects.filter(state="ACTIVE").count() == len(wanted)
        self.ids = {name: account.pk for name, account in zip(wanted, accounts, strict=True)}
        self.told = {account.pk: oracle.Account() for account in accounts}


def issue(account_id: int, number: str, cents: int, *, on: date, due_on: date) -> int:
    """The id of the new bill."""
    made = bills.issue(
        account_id=account_id,
        lines=[bills.Line("REAL", "服务费", cents)],
        issued_on=on,
        due_on=due_on,
        source="real",
        source_number=number,
        as_of=noon(on),
    )
    return made.pk


@transaction.atomic
def receive(rows: Sequence[tuple[int, str, int, int | None]], *, on: date) -> None:
    """Money of that day: (account, number, fen, the bill that it is for)."""
    if not rows:
        return
    list(BillingAccount.objects.select_for_update().filter(pk__in=[row[0] for row in rows]).order_by("pk"))
    bulk_receipts.create_stages()
    paid_at = (noon(on) - timedelta(hours=1)).isoformat()
    incoming = [
        Incoming(account_id, number, cents, paid_at, bill_id) for account_id, number, cents, bill_id in rows
    ]
    bulk_receipts.write(incoming, gateway="real", as_of=noon(on))


def run_day(on: date, world: World) -> None:
    """The daily pass at noon; what it wants said goes out; the stages and the lines are what they must be."""
    if on.day == 2:  # nothing is committed: no one else tells the planner how much there is
        _analyse()
    counts = build.run(on)
    assert counts.failed == 0
    if counts.told:
        build_cut.deliver(on)  # with the receipts that prove it
    cases = {
        account_id: (stage, since)
        for account_id, stage, since in ArrearsCase.objects.open().values_list(
            "account_id", "stage", "stage_since"
        )
    }
    must = {pk: (each.stage, each.since) for pk, each in world.told.items() if each.stage != "NONE"}
    assert cases == must, on
    off = Suspension.objects.filter(reason="ARREARS", ends_on=None)
    assert set(off.values_list("subscription__payer_id", flat=True)) == {
        pk for pk, each in world.told.items() if each.is_off
    }, on


def _analyse() -> None:
    rooms = {model._meta.db_table for name in ROOMS for model in apps.get_app_config(name).get_models()}
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(sorted(rooms))}")


def check_history(world: World) -> None:
    """Every step, every notice on every contact and every time off of every account, with its day and no other."""
    steps, notices, offs, ends = _written()
    for pk, each in world.told.items():
        assert steps[pk] == each.steps
        expected = dict.fromkeys(each.notices, EACH)
        assert notices[pk] == expected, (pk, set(notices[pk].items()) ^ set(expected.items()), each.steps)
        assert offs[pk] == each.offs
        assert ends[pk] == each.ended_for


def _contacts(accounts: Sequence[BillingAccount]) -> Iterable[Contact]:
    for account in accounts:
        phone = f"+86138{next(_count):08d}"
        mailbox = f"real{account.pk}@example.com"
        for kind, value in ((Contact.Kind.PHONE, phone), (Contact.Kind.EMAIL, mailbox)):
            yield Contact(account=account, kind=kind, value=value, created_at=noon(LONG_AGO))


def _written() -> tuple[
    dict[int, list[Step]],
    dict[int, dict[tuple[date, str], int]],
    dict[int, list[list[date | None]]],
    dict[int, list[str]],
]:
    steps: dict[int, list[Step]] = defaultdict(list)
    for pk, on, before, after in StageChange.objects.order_by("pk").values_list(
        "case__account_id", "on", "from_stage", "to_stage"
    ):
        steps[pk].append(Step(on, before, after))
    notices: dict[int, dict[tuple[date, str], int]] = defaultdict(lambda: defaultdict(int))
    for pk, on, code in CaseNotice.objects.values_list("case__account_id", "told_on", "rule__template_code"):
        notices[pk][on, code] += 1
    offs: dict[int, list[list[date | None]]] = defaultdict(list)
    for pk, begins_on, ends_on in Suspension.objects.order_by("pk").values_list(
        "subscription__payer_id", "begins_on", "ends_on"
    ):
        offs[pk].append([begins_on, ends_on])
    ends: dict[int, list[str]] = defaultdict(list)
    for pk, reason in (
        ArrearsCase.objects.exclude(closed_at=None).order_by("pk").values_list("account_id", "close_reason")
    ):
        ends[pk].append(reason)
    return steps, notices, offs, ends
