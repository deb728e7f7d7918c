"""What billing gives to triggers: bills that fall due, and large bills of whom nobody could be told."""

from datetime import date, timedelta

import pytest

from accounts.models import BillingAccount, Contact
from billing.models import Bill, BillKind, DebitAgreement, DebitAgreementState, LargeBill
from billing.notice_triggers import bill_due, large_bill
from billing.services.bills import large_bills
from notices.models import Channel, Delivery, Message, Trigger
from notices.services import triggering
from notices.services.triggering import Job
from tests.billing import build
from tests.billing.test_large_bills import account as account_with_months
from tests.billing.test_large_bills import issue
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 18)


def due(on: date, cents: int = 2600, kind: str = BillKind.PERIODIC) -> Bill:
    """An open bill that is due on that day."""
    of = build.account(build.user())
    return issue(of, "2026-10", cents, issued_on=date(2026, 11, 1), due_on=on, kind=kind)


def keys(days: int = -3, today: date = TODAY) -> list[str]:
    return [found.key for found in bill_due(days, today, NOON)]


@pytest.mark.parametrize(
    ("ahead", "is_found"),
    [(4, False), (3, True), (2, True), (0, True), (-1, False)],
)
def test_a_bill_is_found_on_its_day_and_when_the_job_was_late(ahead: int, is_found: bool) -> None:
    bill = due(TODAY + timedelta(days=ahead))
    assert keys() == ([bill.number] if is_found else [])


def test_after_the_due_day_too() -> None:
    bill = due(TODAY - timedelta(days=1))
    assert keys(days=1) == [bill.number]
    assert keys(days=2) == []


def test_what_is_paid_or_an_order_s_or_debited_is_not_found() -> None:
    day = TODAY + timedelta(days=3)
    paid, debited = due(day), due(day)
    due(day, kind=BillKind.ORDER)
    build.apply(found := build.payment(paid.account, paid.open_cents), build.report(found))
    owner = debited.account.memberships.get().user
    DebitAgreement.objects.create(
        reference="d1", account=debited.account, user=owner, gateway="toy", max_cents=10_000,
        state=DebitAgreementState.PENDING, language="zh-hans", created_at=NOON, sign_by=NOON,
    )  # fmt: skip
    assert keys() == [debited.number]
    DebitAgreement.objects.update(state=DebitAgreementState.ACTIVE, signed_at=NOON, agreement_no="a1")
    assert keys() == []


def test_the_text_says_how_much_until_when_and_where() -> None:
    bill = due(date(2026, 11, 21), 1234)
    Trigger.objects.filter(code="bill_due").update(is_on=True)
    assert list(triggering.run(Job(as_of=NOON, code="bill_due")))[-1].told == 1
    body = Delivery.objects.get(channel=Channel.SMS, message__code="bill_due_soon").body
    assert body.startswith(
        f"【网上营业厅】尾号 {bill.account.number[-4:]} 的户号应缴 ¥12.34，请在 2026年11月21日 或之前缴清"
    )
    assert bill.number in body
    channels = Delivery.objects.filter(message__code="bill_due_soon").values_list("channel", flat=True)
    assert set(channels) == {"SMS", "INBOX"}


def test_many_cost_a_few_queries(django_assert_max_num_queries: object) -> None:
    for _ in range(5):
        due(TODAY + timedelta(days=3))
    with django_assert_max_num_queries(5):  # type: ignore[operator]  # pytest-django's fixture has no type
        assert len(keys()) == 5


def huge(*, has_phone: bool) -> BillingAccount:
    found = account_with_months(2600, 2600, 2600)
    if not has_phone:
        Contact.objects.filter(account=found).update(is_primary=False)
    issue(found, "2026-11", 99_999)
    list(large_bills.run(large_bills.Job(as_of=NOON)))
    return found


def test_a_large_bill_that_the_job_told_of_is_not_told_again() -> None:
    huge(has_phone=True)
    assert LargeBill.objects.get().told_at == NOON
    list(triggering.run(Job(as_of=NOON)))
    assert Message.objects.filter(code="large_bill").count() == 1


def test_a_large_bill_without_a_phone_comes_into_the_inbox_once() -> None:
    account = huge(has_phone=False)
    assert not Message.objects.filter(code="large_bill").exists()
    for days in range(2):
        list(triggering.run(Job(as_of=NOON + timedelta(days=days))))
    message = Message.objects.get(code="large_bill")
    assert message.recipient_ref == f"account:{account.number}"
    assert [row.channel for row in message.deliveries.all()] == ["INBOX"]
    assert "¥999.99" in message.deliveries.get().body


@pytest.mark.parametrize(("days_later", "is_found"), [(0, True), (3, True), (4, False)])
def test_an_old_large_bill_is_no_news(days_later: int, is_found: bool) -> None:
    huge(has_phone=False)
    found = list(large_bill(0, TODAY + timedelta(days=days_later), NOON))
    assert len(found) == is_found
