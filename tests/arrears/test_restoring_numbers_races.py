"""Twice at once: a number is had back by one order."""

from functools import partial

import pytest
from django.db import close_old_connections

from catalog.models import Order, Subscription
from core.errors import HallError
from operations.services import slips
from tests.arrears import build_restore
from tests.arrears.build import noon
from tests.arrears.build_restore import DIGITS, LATER, Cut
from tests.catalog.orders import build as orders
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
CODE = "number.restore"


def submit(at: Cut, digest: str, key: str, refused: list[str]) -> None:
    asker = orders.ctx(at.user, noon(LATER))
    given = {"agreed": "yes", "code": "123456"}
    try:
        slips.submit(
            operation=CODE,
            ctx=asker,
            raw=at.raw,
            quote_digest=digest,
            confirmation=given,
            idempotency_key=key,
        )
    except HallError as error:
        refused.append(error.code)
    close_old_connections()


def test_two_submissions_at_once_make_one_order() -> None:
    at = build_restore.cut()
    build_restore.sim()
    build_restore.pay(at)
    asker = orders.ctx(at.user, noon(LATER))
    digest = slips.quote(operation=CODE, ctx=asker, raw=at.raw).digest
    orders.code(asker, CODE, at.raw)
    refused: list[str] = []
    together(*(partial(submit, at, digest, f"restore-race-{n}", refused) for n in range(2)))
    assert refused == ["NUMBER_RESTORED_BEFORE"]
    assert Order.objects.count() == 1
    [held] = Subscription.objects.filter(service_number=DIGITS, state="ACTIVE")
    assert build_restore.has(as_of=noon(LATER).replace(hour=5)) == ("OWNER", f"subscription:{held.number}")
