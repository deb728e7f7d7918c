"""The words for bills, payments and receipts."""

from datetime import date, timedelta

import pytest
from django.utils import translation

from billing import texts
from billing.models import Bill, BillKind, Payment, PaymentState
from billing.templatetags import billing as tags
from core import clock
from tests.conftest import NOON

TODAY = clock.local_date(NOON)


def bill(paid: int = 0, *, due_on: date = TODAY, period: str = "2026-10") -> Bill:
    found = Bill(total_cents=100, paid_cents=paid, due_on=due_on, period=period)
    found.open_cents = 100 - paid  # computed by the database once it is written
    return found


@pytest.mark.parametrize(
    ("given", "word", "badge"),
    [
        (bill(), "待缴费", "warn"),
        (bill(40), "部分已缴", "warn"),
        (bill(100), "已缴清", "ok"),
        (bill(due_on=TODAY - timedelta(days=1)), "已逾期", "bad"),
        (bill(100, due_on=TODAY - timedelta(days=1)), "已缴清", "ok"),
    ],
)
def test_a_bill_is_late_from_the_day_after_its_last_day(given: Bill, word: str, badge: str) -> None:
    with clock.stopped(NOON):
        assert (tags.bill_state(given), tags.bill_badge(given)) == (word, badge)


def test_months_are_named_in_the_readers_language() -> None:
    with translation.override("zh-hans"):
        assert texts.bill_title(bill()) == "2026年10月账单"
        assert tags.bill_month(bill()) == "2026年10月"
    with translation.override("en"):
        assert texts.month_name("2026-10") == "October 2026"
    assert texts.month_name("13th month") == "13th month"


def test_a_bill_of_an_order_is_named_by_its_kind() -> None:
    given = Bill(kind=BillKind.ORDER, period="", total_cents=1, due_on=TODAY)
    assert texts.bill_title(given) == tags.bill_month(given) == str(BillKind.ORDER.label)


@pytest.mark.parametrize("state", PaymentState.values)
def test_no_state_of_a_payment_reads_as_failed(state: str) -> None:
    payment = Payment(state=state)
    assert "失败" not in tags.payment_state(payment)
    assert tags.payment_badge(payment) in {"ok", "wait", "warn", "muted"}


def test_the_ways_in_which_money_comes_are_readable() -> None:
    assert texts.channel_name("alipay") == "支付宝"
    assert texts.channel_name("counter:demo") == "营业厅柜台"
    assert texts.channel_name("old_boss") == "其他渠道"
