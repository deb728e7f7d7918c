"""How staff find things: whole numbers, phones as people type them, days, and only through indexes."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount
from billing.models import Payment
from core import backoffice, staff_pages
from operations.models import Slip, SlipState
from tests.admin import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(db: None) -> None:
    build.hall(6)


def found(desk: Client, label: str, **query: str) -> list[Any]:
    answer = desk.get(reverse(f"admin:{label}_changelist"), query)
    assert answer.status_code == 200
    return list(answer.context["cl"].result_list)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("term", ["SL00000002", "CN000002", "8800000002", " SL00000002 "])
def test_slip_by_its_number_its_customer_or_an_account(desk: Client, term: str) -> None:
    numbers = [slip.number for slip in found(desk, "operations_slip", q=term)]
    assert [number for number in numbers if number.startswith("SL")] == ["SL00000002"]
    assert numbers == ["SL00000002"] or not term.startswith("SL")


@pytest.mark.usefixtures("rows")
def test_slip_by_the_payment_it_led_to(desk: Client) -> None:
    reference = Slip.objects.get(number="SL00000003").subject_id
    assert [slip.number for slip in found(desk, "operations_slip", q=reference)] == ["SL00000003"]
    payment = Payment.objects.get(reference=reference)
    detail = desk.get(reverse("admin:billing_payment_change", args=[payment.pk])).content.decode()
    assert f"{reverse('admin:operations_slip_changelist')}?subject_id={reference}" in detail
    assert len(found(desk, "operations_slip", subject_id=reference)) == 1


@pytest.mark.usefixtures("rows")
def test_slip_by_operation_channel_state_and_region(desk: Client) -> None:
    region = Slip.objects.order_by("pk")[0].region_id
    assert len(found(desk, "operations_slip", operation="bill.pay")) == 6
    assert found(desk, "operations_slip", operation="account.bind") == []
    web = Slip.objects.filter(channel="WEB").count()
    assert len(found(desk, "operations_slip", channel__exact="WEB")) == web >= 6
    assert found(desk, "operations_slip", channel__exact="KIOSK") == []
    drafts = Slip.objects.filter(state=SlipState.DRAFT).count()
    assert len(found(desk, "operations_slip", state__exact="DRAFT")) == drafts
    assert 2 <= drafts < Slip.objects.count()
    there = Slip.objects.filter(region=region).count()
    assert len(found(desk, "operations_slip", region__id__exact=str(region))) == there >= 6


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ({"started_at_from": "2026-11-18", "started_at_to": "2026-11-18"}, 6),
        ({"started_at_from": "2026/11/18"}, 6),  # as the calendar writes it in Chinese
        ({"started_at_from": "2026-11-19"}, 0),
        ({"started_at_to": "2026-11-17"}, 0),
        ({"started_at_from": "nonsense", "started_at_to": "9999-12-31"}, 6),
    ],
)
def test_slip_by_day_both_ends_included(desk: Client, days: dict[str, str], expected: int) -> None:
    slips = [slip.number for slip in found(desk, "operations_slip", **days)]
    assert len([number for number in slips if number.startswith("SL")]) == expected
    assert slips == [] or expected


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    "typed", ["13800000004", "138 0000 0004", "+8613800000004", "wang4@example.com", "WANG4@EXAMPLE.COM"]
)
def test_people_by_phone_or_mail_as_typed(desk: Client, typed: str) -> None:
    assert [row.number for row in found(desk, "accounts_billingaccount", q=typed)] == ["8800000004"]
    assert [row.number for row in found(desk, "accounts_customer", q=typed)] == ["CN000004"]
    assert [row.account.number for row in found(desk, "accounts_contact", q=typed)] == ["8800000004"]


@pytest.mark.usefixtures("rows")
def test_users_and_deliveries_by_phone(desk: Client) -> None:
    assert [user.username for user in found(desk, "accounts_user", q="13800000004")] == ["u4"]
    assert {row.address for row in found(desk, "notices_delivery", q="13800000004")} == {"+8613800000004"}


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("label", "rows_of_account"),
    [("billing_bill", 3), ("billing_payment", 2), ("billing_receipt", 3), ("billing_ledgerentry", 8)],
)
def test_money_by_account_number(desk: Client, label: str, rows_of_account: int) -> None:
    assert len(found(desk, label, q="8800000004")) == rows_of_account
    assert found(desk, label, q="880000000") == []


@pytest.mark.usefixtures("rows")
def test_receipts_with_money_left(desk: Client) -> None:
    with_money_left = found(desk, "billing_receipt", unused="yes")
    assert len(with_money_left) == 12
    assert all(receipt.unallocated_cents > 0 for receipt in with_money_left)


def test_count_stops_where_nobody_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff_pages, "MOST_COUNTED", 3)
    build.hall(5)
    paginator = staff_pages.CappedPaginator(BillingAccount.objects.order_by("-pk"), 2)
    assert (paginator.count, paginator.num_pages) == (3, 2)


def test_slip_searches_use_indexes() -> None:
    """With many slips no search reads the whole table."""
    build.hall(1)
    with connection.cursor() as cursor:
        cursor.execute(_MANY_SLIPS, [NOON - timedelta(days=200)])
        cursor.execute("ANALYZE operations_slip")
    customer = Slip.objects.get(number="SL00000000").customer
    searches = [
        Slip.objects.filter(number="SL00000000") | Slip.objects.filter(customer=customer),
        Slip.objects.filter(started_at__gte=NOON - timedelta(days=1), started_at__lt=NOON),
        Slip.objects.filter(operation="bill.pay", channel="API").order_by("-started_at"),
        Slip.objects.order_by("-id"),
    ]
    for search in searches:
        plan = search[:50].explain()
        assert "Seq Scan on operations_slip" not in plan, plan


_MANY_SLIPS = """
    INSERT INTO operations_slip (number, operation, operation_version, state, channel, data, quote, quote_digest,
        confirmation, idempotency_key, input_hash, subject_kind, subject_id, result, refusal_code, refusal_text,
        started_at)
    SELECT 'M' || i, CASE WHEN i %% 2 = 0 THEN 'bill.pay' ELSE 'account.bind' END, 1, 'DRAFT', 'WEB', '{}', '{}', '',
           '{}', 'm' || i, '', 'payment', 'P' || i, '{}', '', '', %s::timestamptz + i * interval '10 minutes'
      FROM generate_series(1, 20000) i"""


@pytest.mark.parametrize(
    ("whole", "shown"),
    [
        ("+8613812345678", "138****5678"),
        ("13812345678", "138****5678"),
        ("+85261234567", "****4567"),
        ("wang@example.com", "w***@example.com"),
        ("1234", "****"),
        ("", ""),
    ],
)
def test_masking(whole: str, shown: str) -> None:
    assert backoffice.mask(whole) == shown
