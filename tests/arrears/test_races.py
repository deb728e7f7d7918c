"""A payment in the second of the pass, and two passes at once."""

from functools import partial
from typing import Any

import pytest

from accounts.models import BillingAccount
from arrears.models import ArrearsCase, CaseNotice, StageChange
from arrears.services import bulk_assessing
from arrears.services.casework import Judged
from notices.models import Message
from tests.arrears import build
from tests.arrears.build import after
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


def almost_suspended() -> tuple[BillingAccount, Any]:
    account = build.account()
    row = build.line(account)
    build.bill(account)
    build.days(account, after(-3), after(30))
    return account, row


def test_a_payment_between_reading_and_writing_is_seen() -> None:
    account, row = almost_suspended()
    seen: list[str] = []

    def pay_meanwhile(each: Judged) -> Judged:
        """Between the facts and the locks somebody pays, in a transaction of his own."""
        if not seen:
            together(partial(build.pay, account, 3000, after(31)))
        seen.append(each.decision.stage)
        return each

    build.run(after(31), only=pay_meanwhile)
    assert seen[0] == "SUSPENDED"  # the race: what was read without locks would have cut him off
    assert seen[1:] == ["NONE"]
    assert not build.is_off(row)
    assert ArrearsCase.objects.get(account=account).close_reason == "PAID"


def test_two_passes_at_once_divide_the_work_and_write_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_assessing, "BLOCK", 3)
    accounts = [build.account() for _n in range(12)]
    for each in accounts:
        build.bill(each)
    done = together(*[partial(build.run, after(-3))] * 2)
    assert sum(each.opened for each in done) == len(accounts)
    assert ArrearsCase.objects.count() == StageChange.objects.count() == len(accounts)
    assert (
        CaseNotice.objects.count()
        == Message.objects.filter(code="bill_due_soon").count()
        == 3 * len(accounts)
    )
    assert build.run(after(-3)).opened == 0
