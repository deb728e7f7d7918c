"""Persons, families and enterprises that the operator serves."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts import names
from accounts.models import BillingAccount, Contact, Customer
from accounts.services import accounts, contacts
from core import clock, sequences
from core.errors import Conflict

LONGEST_NAME = 120


class CustomerNumberTaken(Conflict):
    code = "CUSTOMER_NUMBER_TAKEN"
    message = _("编号 %(number)s 已被使用")


def create(
    *,
    name: str,
    as_of: datetime,
    number: str = "",
    kind: str = Customer.Kind.PERSONAL,
    region_id: int | None = None,
) -> Customer:
    """A new customer; without a number it gets the next of ours. Raises BadName, CustomerNumberTaken."""
    customer = Customer(
        number=number or sequences.next_number("customer_number", prefix="C", on=clock.local_date(as_of)),
        kind=kind,
        name=names.clean(name, longest=LONGEST_NAME),
        region_id=region_id,
        created_at=as_of,
    )
    try:
        with transaction.atomic():
            customer.save(force_insert=True)
    except IntegrityError as error:
        raise CustomerNumberTaken(number=customer.number) from error
    return customer


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A customer with his first billing account, as he gives it at the counter."""

    kind: str
    name: str
    region_id: int | None
    phone: str = ""  # as typed; "": none given
    contact_name: str = ""  # who answers there: a firm's or a family's contact person
    address: str = ""
    number: str = ""  # of the account, where the biller has given one; "": the next of ours


@transaction.atomic
def open_with_account(
    wanted: Opening, *, as_of: datetime, noted: Callable[[BillingAccount], object] = lambda account: None
) -> BillingAccount:
    """The customer, his account and its contact, which counts as verified once somebody has typed a code.

    `noted` is called with the account in the same transaction: for the audit trail of who works on a staff page.
    Raises BadName, BadPhone, BadAccountNumber, AccountNumberTaken.
    """
    customer = create(name=wanted.name, kind=wanted.kind, region_id=wanted.region_id, as_of=as_of)
    today = clock.local_date(as_of)
    account = accounts.open_account(
        number=wanted.number or sequences.next_number("account_number", prefix="H", on=today),
        customer_id=customer.pk,
        region_id=wanted.region_id,
        address=wanted.address.strip(),
        opened_on=today,
        as_of=as_of,
    )
    if wanted.phone:
        contacts.add(
            account_id=account.pk,
            kind=Contact.Kind.PHONE,
            value=wanted.phone,
            name=wanted.contact_name,
            as_of=as_of,
        )
    noted(account)
    return account
