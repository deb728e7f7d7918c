"""An order from the confirmed quote to its slip, history and news, against django-oscar placing one line."""

import os
import secrets
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any
from unittest.mock import patch

from django.db import connection

from accounts.models import Membership
from benchmarks import homes, oscar, peers
from benchmarks.confirm import FLOOR, floor_rate
from benchmarks.harness import Pair, Sheet, alternately, rate
from catalog.models import Order
from core import clock
from operations.context import Context
from operations.models import Channel
from operations.services import slips

OURS, THEIRS = 100, 40  # per round
OPERATION, HELD, WANTED = "package.order", "basic", "hd"
CODE = 271_828  # what the dice of the codes show, so that customers here know theirs


@dataclass(frozen=True, slots=True)
class Asked:
    """A customer who has seen his quote and got his code."""

    ctx: Context
    raw: dict[str, Any]
    digest: str


def order(sheet: Sheet, *, ours: int = OURS, theirs: int = THEIRS) -> None:
    """Ours, django-oscar's and a bare INSERT in turn, each one transaction after the other in one process."""
    homes.stock()
    sheet.context("order_statements", our_statements(), "of ours, slip, history and news included")
    try:
        with oscar.running(os.environ["DATABASE_URL"]) as peer:
            columns = alternately(
                lambda: our_rate(ours), lambda: peer.rate(theirs), lambda: floor_rate(FLOOR)
            )
            their_statements = peer.statements()
    except peers.PeerMissing as error:
        sheet.missing("order_vs_oscar", str(error))
        return
    mine, other, floor = columns
    pair = Pair(mine, other)
    sheet.at_least("order_vs_oscar", pair.ratio, 3, pair.note)
    sheet.context("oscar_statements", their_statements, f"of django-oscar {oscar.VERSION}")
    note = f"bare INSERT {median(floor):,.0f}/s"
    sheet.context("order_vs_floor", Pair(mine, floor).ratio, note)
    sheet.context("oscar_vs_floor", Pair(other, floor).ratio, note)


def our_rate(count: int) -> float:
    """Orders per second, each of another customer. Quote and code are not in it, as the peer's basket is not."""
    asked = _asked(count)

    def work() -> None:
        for each in asked:
            submit(each)

    before = Order.objects.count()
    found = rate(count, work)
    if Order.objects.count() - before != count:
        raise RuntimeError("some orders were not placed")
    return found


def our_statements() -> int:
    """How many statements one of our orders sends."""
    (asked,), seen = _asked(1), []

    def count(execute: Any, sql: str, *arguments: Any) -> Any:
        seen.append(sql)
        return execute(sql, *arguments)

    with connection.execute_wrapper(count):
        submit(asked)
    return len(seen)


def submit(asked: Asked) -> None:
    """Raises what refuses it."""
    slips.submit(
        operation=OPERATION,
        ctx=asked.ctx,
        raw=asked.raw,
        quote_digest=asked.digest,
        confirmation={"agreed": "yes", "code": f"{CODE:06d}"},
        idempotency_key=secrets.token_hex(16),
    )


def _asked(count: int) -> list[Asked]:
    stock = homes.stock()
    ids = homes.holding(count, [stock[HELD]], begins_on=date(2026, 1, 1), with_people=True)
    owners = Membership.objects.filter(account__in=ids).select_related("user", "account")
    with patch.object(secrets, "randbelow", return_value=CODE):
        return [_quoted(each) for each in owners]


def _quoted(owner: Membership) -> Asked:
    ctx = Context(user=owner.user, channel=Channel.WEB, as_of=clock.now())
    raw = {"account": owner.account.number, "offers": [WANTED]}
    digest = slips.quote(operation=OPERATION, ctx=ctx, raw=raw).digest
    slips.send_code(operation=OPERATION, ctx=ctx, raw=raw)
    return Asked(ctx, raw, digest)
