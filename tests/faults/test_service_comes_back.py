"""Whoever pays has service again: by the news within seconds, by the sweeper where no worker lives. Real processes."""

import json
import subprocess
import sys
from typing import Any

from accounts.models import BillingAccount
from arrears.models import ArrearsCase
from billing.models import Payment
from catalog.choices import SuspensionReason
from catalog.holdings.services import suspensions
from catalog.models import Subscription
from core import clock
from core.models import OutboxRow
from notices.models import Message
from tests.arrears import build
from tests.arrears.build import ACTOR, after, noon
from tests.billing import build as money
from tests.faults.caller import Notice, post
from tests.faults.house import PATIENCE, House
from tests.gateways import keys
from tests.sandbox import process

CENTS = 9900  # the bill and whatever penalty its months have cost by now


def suspended() -> tuple[BillingAccount, list[Subscription]]:
    """Off for arrears with three lines, of which one waits for a check as well, and one its holder has paused."""
    account = build.account()
    rows = [build.line(account) for _n in range(3)]
    others = (SuspensionReason.FRAUD_CHECK, SuspensionReason.CUSTOMER)
    for row, reason in zip(rows[1:], others, strict=True):
        suspensions.suspend(number=row.number, reason=reason, actor=ACTOR, as_of=noon(after(-5)))
    build.bill(account)
    build.days(account, after(-3), after(31))
    assert all(build.is_off(row) for row in rows)
    return account, rows


def paid(payment: Payment) -> Notice:
    fields = {"out_trade_no": payment.reference, "trade_no": f"T{payment.reference}", "total_amount": "99.00"}
    return Notice(payment.reference, keys.signed(keys.notice(**fields)))


def restored(account: BillingAccount) -> int:
    messages = Message.objects.filter(code="restored", recipient_ref=f"account:{account.number}")
    return messages.count()


def is_back(rows: list[Subscription]) -> bool:
    return not any(build.is_off(row) for row in rows)


def the_rest_stays(rows: list[Subscription]) -> bool:
    """Only what arrears had stopped is on again."""
    return [suspensions.is_on(row) for row in rows] == [True, False, False]


def sweep(house: House) -> dict[str, int]:
    """The operator's command, as a process of its own."""
    arguments = [sys.executable, "manage.py", "restore_services", "--json", "--skip-checks"]
    done = subprocess.run(
        arguments,
        cwd=process.REPOSITORY,
        env=house.environ,
        stdout=subprocess.PIPE,
        timeout=PATIENCE,
        check=True,
    )
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


def test_who_pays_has_service_again_by_the_news(house: House, alipay_keys: Any) -> None:
    house.start_worker(children=2)
    account, rows = suspended()
    payment = money.payment(account, CENTS, as_of=clock.now())
    begun = clock.now()
    assert post(house, paid(payment)).accepted
    process.until(lambda: is_back(rows), PATIENCE)
    assert (clock.now() - begun).total_seconds() < PATIENCE
    assert the_rest_stays(rows)
    assert ArrearsCase.objects.get(account=account).close_reason == "PAID"
    assert restored(account) == 3


def test_where_no_worker_lives_the_sweeper_brings_it_back_and_the_late_news_changes_nothing(
    house: House, alipay_keys: Any
) -> None:
    account, rows = suspended()
    now = clock.now()
    payment = money.payment(account, CENTS, as_of=now)
    money.apply(payment, money.report(payment, paid_at=now, occurred_at=now), as_of=now)
    assert not is_back(rows)
    assert sweep(house) == {"looked": 1, "restored": 3, "failed": 0}
    assert is_back(rows)
    assert the_rest_stays(rows)
    assert restored(account) == 3
    waiting = OutboxRow.objects.filter(consumer="arrears.paid", state=OutboxRow.State.PENDING)
    assert waiting.exists()
    house.start_worker(children=2)
    house.start_beat()
    process.until(lambda: not waiting.exists(), PATIENCE)
    assert is_back(rows)
    assert (restored(account), ArrearsCase.objects.filter(account=account).count()) == (3, 1)
