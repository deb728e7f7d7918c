"""The first page: what it tells whom, and what it costs."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from billing.services.payments import payments
from core import clock
from core.actor import Actor
from operations.context import Context
from operations.models import Channel, Slip, SlipState
from operations.services import slips
from tests.billing import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
HOME_QUERIES = 13


@pytest.fixture(autouse=True)
def _noon() -> Any:
    with clock.stopped(NOON):
        yield


def page(client: Client) -> str:
    answer = client.get("/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_visitor_reads_what_the_hall_does_and_how_to_get_in(client: Client) -> None:
    text = page(client)
    for name in ("account_login", "account_signup", "hall:help"):
        assert reverse(name) in text
    assert "¥" not in text


def test_nothing_bound_leads_to_binding(client: Client) -> None:
    client.force_login(build.user())
    text = page(client)
    assert "先绑定您的户号" in text
    assert reverse("operations:form", args=["account.bind"]) in text


def test_what_is_owed_first_is_the_large_amount_with_one_button(client: Client) -> None:
    owner = build.user()
    late, later = build.account(owner), build.account(owner)
    build.bill(later, 9900, issued_on=date(2026, 11, 1))
    build.bill(late, 2600, issued_on=date(2026, 9, 1))
    client.force_login(owner)
    text = page(client)
    assert text.count("btn--warm") == 1
    assert f"户号 {late.number} 应缴" in text
    assert "2026年10月1日 已到期" in text
    assert f"/pay/?account={late.number}" in text
    assert "¥99.00" in text  # the other account is among the rows


def test_nothing_owed_says_so_and_shows_the_credit(client: Client) -> None:
    owner = build.user()
    account = build.account(owner)
    paid = build.payment(account, 500)
    build.apply(paid, build.report(paid))
    client.force_login(owner)
    text = page(client)
    assert "现在没有要缴的费用" in text
    assert "账户余额 ¥5.00" in text
    assert "立即缴费" not in text


def test_a_payment_without_result_is_shown_once_and_leads_to_its_page(client: Client) -> None:
    owner = build.user()
    account = build.account(owner)
    build.bill(account)
    ctx = Context(user=owner, channel=Channel.WEB, as_of=NOON)
    raw = {"account": account.number, "amount": "26", "gateway": "alipay"}
    quoted = slips.quote(operation="bill.pay", ctx=ctx, raw=raw)
    payment = payments.start(
        account_id=account.pk,
        amount_cents=2600,
        gateway="alipay",
        payer_id=owner.pk,
        as_of=NOON,
        actor=Actor.user(owner),
    )
    client.force_login(owner)
    assert quoted.quote.price_cents == 2600
    text = page(client)
    assert text.count(reverse("billing:payment", args=[payment.reference])) == 1
    assert "待支付" in text


@pytest.mark.parametrize("bills", [1, 60])
def test_it_costs_the_same_whatever_the_history(
    client: Client, django_assert_max_num_queries: Any, bills: int
) -> None:
    owner = build.user()
    account = build.account(owner)
    for month in range(bills):
        build.bill(account, 2600, issued_on=date(2026, 11, 1) - timedelta(days=30 * month))
    client.force_login(owner)
    page(client)
    with django_assert_max_num_queries(HOME_QUERIES):
        page(client)


def test_help_is_for_everybody(client: Client) -> None:
    text = client.get("/help/").content.decode()
    assert "确认中" in text
    assert "30 分钟" in text
    assert "96123" in text


def test_late_with_a_slip_under_way_stays_within_its_queries(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    owner = build.user()
    account = build.account(owner)
    build.bill(account, 2600, issued_on=date(2026, 8, 1))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE operations_slip DISABLE TRIGGER USER")
        Slip.objects.create(
            number="S1",
            operation="bill.dispute",
            operation_version=1,
            state=SlipState.IN_PROGRESS,
            channel=Channel.WEB,
            actor=owner,
            idempotency_key="k",
            started_at=NOON,
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE operations_slip ENABLE TRIGGER USER")
    client.force_login(owner)
    assert "正在办理" in page(client)
    with django_assert_max_num_queries(HOME_QUERIES):
        page(client)
