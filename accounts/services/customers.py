"""Persons, families and enterprises that the operator serves."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts import names
from accounts.models import Customer
from core import clock, sequences
from core.errors import Conflict

LONGEST_NAME = 120


class NumberTaken(Conflict):
    code = "NUMBER_TAKEN"
    message = _("编号 %(number)s 已被使用")


def create(
    *,
    name: str,
    as_of: datetime,
    number: str = "",
    kind: str = Customer.Kind.PERSONAL,
    region_id: int | None = None,
) -> Customer:
    """A new customer; without a number it gets the next of ours. Raises BadName, NumberTaken."""
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
        raise NumberTaken(number=customer.number) from error
    return customer
