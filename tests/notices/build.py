"""State for notice tests, built with the services."""

import itertools
from datetime import datetime, timedelta

from notices.models import Channel, Delivery, Message, Template
from notices.services import messages
from tests.conftest import NOON

PHONE = messages.Address(Channel.SMS, "+8613800000001")
OTHER_PHONE = messages.Address(Channel.SMS, "+8613800000002")
EMAIL = messages.Address(Channel.EMAIL, "wang@example.com")
PAID = {"account_tail": "0001", "amount": "¥26.00", "receipt": "R1"}
FIVE_MINUTES = timedelta(minutes=5)
_count = itertools.count(1)


def send(
    *addresses: messages.Address, key: str = "", as_of: datetime = NOON, language: str = "zh-hans"
) -> Message:
    return messages.send(
        code="payment_received",
        recipient_ref="account:8100000001",
        addresses=addresses or (PHONE,),
        context=PAID,
        dedupe_key=key or f"test:{next(_count)}",
        as_of=as_of,
        language=language,
    )


def send_secret(digits: str = "482913", *, as_of: datetime = NOON, language: str = "zh-hans") -> Delivery:
    return messages.send_secret(
        code="login_code",
        recipient_ref="user:17",
        address=PHONE,
        context={"code": digits, "minutes": "5"},
        as_of=as_of,
        lifetime=FIVE_MINUTES,
        language=language,
    )


def delivery(as_of: datetime = NOON) -> Delivery:
    """One ordinary delivery that waits."""
    return send(as_of=as_of).deliveries.get()


def template(
    body: str, *, version: int = 2, active_from: datetime = NOON, language: str = "zh-hans", **fields: str
) -> Template:
    values = {"code": "payment_received", "channel": Channel.SMS} | fields
    return Template.objects.create(
        body=body, version=version, active_from=active_from, language=language, **values
    )
