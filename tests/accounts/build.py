"""State for account tests, built with the services."""

import itertools
from datetime import datetime

from accounts.models import BillingAccount, Contact, Membership, User
from accounts.services import accounts, contacts, customers, members, users
from core.actor import Actor
from tests.conftest import NOON

ACTOR = Actor("test:accounts")
PHONE, OTHER_PHONE = "+8613800000001", "+8613800000002"
_count = itertools.count(1)


def user(phone: str = PHONE, *, name: str = "王小明", password: str | None = None) -> User:
    """Somebody who has proven his phone."""
    return users.create(phone=phone, name=name, password=password, as_of=NOON)


def account(number: str = "8100000001", *, contact: str = PHONE, as_of: datetime = NOON) -> BillingAccount:
    """A billing account; `contact` "" leaves it without a phone."""
    customer = customers.create(name=f"客户{next(_count)}", as_of=as_of)
    found = accounts.open_account(number=number, customer_id=customer.pk, as_of=as_of)
    if contact:
        contacts.add(account_id=found.pk, kind=Contact.Kind.PHONE, value=contact, as_of=as_of)
    return found


def bind(whom: User, to: BillingAccount, role: str = Membership.Role.OWNER) -> Membership:
    return members.bind(user_id=whom.pk, account_id=to.pk, role=role, actor=ACTOR, as_of=NOON)
