"""Puts the plan into the books, through the same services as everything else. What is there already stays as it is."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts import locks as account_locks
from accounts.models import BillingAccount, Contact, Customer, Membership, Region, User
from accounts.services import accounts, contacts, customers, members, users
from billing.models import Bill
from billing.services.bills import bills
from billing.services.money import receipts
from catalog.models import ChargedMonth
from core import clock
from core.actor import Actor
from hall.demo import plan
from hall.demo.plan import Household, Month

ACTOR = Actor.command("demo_data")
COUNTER = "counter:demo"  # how the receipts of the paid months came in
CUSTOMER_SINCE = timedelta(days=700)


def everything(*, as_of: datetime) -> dict[str, int]:
    """Regions, accounts with six months of bills, and who can log in; how many accounts and bills are new."""
    regions = _regions()
    months = plan.months(clock.local_date(as_of))
    written = set(Bill.objects.filter(source=plan.SOURCE).values_list("source_number", flat=True))
    run = ChargedMonth.objects.filter(account__number__in=_numbers()).values_list("account__number", "period")
    written |= {f"{number}-{period}" for number, period in run}  # the hall's own bill run was there first
    found = {account.number: account for account in BillingAccount.objects.filter(number__in=_numbers())}
    new = {"accounts": 0, "bills": 0}
    for household in plan.households():
        account = found.get(household.number)
        missing = [month for month in months if _source_number(household, month) not in written]
        if account is None or missing:
            with transaction.atomic():
                if account is None:
                    account = found[household.number] = _open(household, regions, as_of)
                    new["accounts"] += 1
                _bill(household, account, missing, as_of=as_of)
            new["bills"] += len(missing)
    _people(found, as_of)
    return new


def _numbers() -> list[str]:
    return [household.number for household in plan.households()]


def _regions() -> dict[str, Region]:
    found: dict[str, Region] = {}
    for code, name, level, above in plan.REGIONS:
        given = {"name": name, "level": level, "parent": found[above] if above else None}
        found[code], _ = Region.objects.get_or_create(code=code, defaults=given)
    return found


def _open(household: Household, regions: dict[str, Region], as_of: datetime) -> BillingAccount:
    region = regions[household.region]
    known = Customer.objects.filter(accounts__contacts__value=household.phone, name=household.name).first()
    customer = known or customers.create(
        name=household.name, number=f"D{household.number}", region_id=region.pk, as_of=as_of
    )
    account = accounts.open_account(
        number=household.number,
        customer_id=customer.pk,
        region_id=region.pk,
        address=household.address,
        opened_on=clock.local_date(as_of - CUSTOMER_SINCE),
        as_of=as_of,
    )
    contacts.add(
        account_id=account.pk,
        kind=Contact.Kind.PHONE,
        value=household.phone,
        name=household.name,
        is_primary=True,
        as_of=as_of,
    )
    return account


def _bill(household: Household, account: BillingAccount, missing: list[Month], *, as_of: datetime) -> None:
    """Issues the missing bills and pays those that the plan says were paid; earlier bills stay as they are."""
    for position, month in enumerate(missing):
        bills.issue(
            account_id=account.pk,
            lines=household.tariff,
            issued_on=month.issued_on,
            due_on=month.due_on,
            source=plan.SOURCE,
            source_number=_source_number(household, month),
            period=month.period,
            as_of=month.issued_at,
        )
        if cents := _paid_cents(household, position, len(missing)):
            _receive(household, account, month, cents, as_of)


def _paid_cents(household: Household, position: int, count: int) -> int:
    """What was paid on the bill at `position` of the `count` new ones. Months since an earlier run are all open."""
    if count < plan.MONTHS:
        return 0
    first_open = count - household.unpaid_bills
    if position == first_open:
        return household.part_cents
    return household.monthly_cents if position < first_open else 0


def _receive(
    household: Household, account: BillingAccount, month: Month, cents: int, as_of: datetime
) -> None:
    account_locks.account(account.pk)
    at = plan.paid_at(household, month, as_of)
    receipts.book(
        account_id=account.pk,
        gateway=COUNTER,
        trade_no=f"{household.number}-{month.period}",
        amount_cents=cents,
        paid_at=at,
        as_of=at,
    )


def _source_number(household: Household, month: Month) -> str:
    return f"{household.number}-{month.period}"


def _people(found: dict[str, BillingAccount], as_of: datetime) -> None:
    """The three who can log in. The newcomer has nothing bound: that is for trying."""
    homes = plan.households()
    for phone in (plan.CUSTOMER, plan.STRANGER, plan.NEWCOMER):
        theirs = [home for home in homes if home.phone == phone]
        user = users.by_proven_phone(phone) or users.create(phone=phone, name=theirs[0].name, as_of=as_of)
        if phone != plan.NEWCOMER:
            _bind(user, [found[home.number] for home in theirs], as_of)


def _bind(user: User, theirs: list[BillingAccount], as_of: datetime) -> None:
    bound = set(Membership.objects.filter(user=user).values_list("account_id", flat=True))
    for account in theirs:
        if account.pk not in bound:
            members.bind(
                user_id=user.pk, account_id=account.pk, role=Membership.Role.OWNER, actor=ACTOR, as_of=as_of
            )
