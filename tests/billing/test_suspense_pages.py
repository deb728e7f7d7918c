"""The staff's pages of held money: who may do what, alone up to a limit, and by two above it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing import approvals
from billing.models import Bill, GatewayCallback, Receipt, ReceiptTransfer, RefundRequest
from billing.services.money import credits
from core import clock
from core.models import Approval, ApprovalState, AuditRow
from tests.admin.build import staff_with, viewer
from tests.admin.conftest import desk, log_in, root
from tests.billing import build
from tests.billing.test_callbacks import notice, post
from tests.billing.test_suspense_staff import held, in_suspense, overspent
from tests.conftest import NOON

__all__ = ["desk", "log_in", "root"]
pytestmark = pytest.mark.django_db
LogIn = Callable[[User], Client]
RIGHTS = ("billing.view_receipt", approvals.ASK, "billing.change_refundrequest")


def page(action: str, receipt: Receipt) -> str:
    return f"{reverse('admin:billing_receipt_act', args=[action])}?ids={receipt.pk}"


def act(client: Client, action: str, receipt: Receipt, **data: str) -> str:
    answer = client.post(page(action, receipt), {"reason": "已核实", **data}, follow=True)
    return str(answer.content.decode())


def offered(client: Client, receipt: Receipt) -> set[str]:
    shown = client.get(reverse("admin:billing_receipt_change", args=[receipt.pk])).content.decode()
    actions = ("use-for-bills", "transfer", "refund", "reopen-bill", "waive")
    return {name for name in actions if page(name, receipt) in shown}


@pytest.fixture
def clerk(log_in: LogIn) -> Client:
    return log_in(staff_with(*RIGHTS, username="clerk"))


@pytest.fixture
def chief(log_in: LogIn) -> Client:
    return log_in(staff_with(*RIGHTS, approvals.DECIDE, "billing.approve_refund", username="chief"))


def test_only_what_can_be_done_is_offered(clerk: Client, log_in: LogIn) -> None:
    account = build.account()
    build.bill(account)
    spent, waiting, whole = overspent(account), in_suspense(), held(build.account())
    assert offered(clerk, spent) == {"reopen-bill", "waive"}
    assert offered(clerk, waiting) == {"transfer", "refund"}
    assert offered(clerk, whole) == {"use-for-bills", "transfer", "refund"}
    assert offered(log_in(viewer()), whole) == set()


def test_a_clerk_uses_held_money_for_the_bills(clerk: Client) -> None:
    account = build.account()
    receipt = held(account)
    credits.set_automatic(account_id=account.pk, is_automatic=False, as_of=NOON)
    bill = build.bill(account, 1000)

    said = act(clerk, "use-for-bills", receipt)

    assert "已销账 ¥10.00，剩余 ¥16.00 留作余额" in said
    assert Bill.objects.get(pk=bill.pk).open_cents == 0
    audit = AuditRow.objects.get()
    assert (audit.action, audit.object_id, audit.reason) == (approvals.USE, str(receipt.pk), "已核实")
    assert audit.detail["amount_cents"] == 2600


def test_a_clerk_moves_money_to_the_account_it_was_meant_for(clerk: Client) -> None:
    account, receipt = build.account(), in_suspense()
    said = act(clerk, "transfer", receipt, to_number=f" {account.number} ")
    assert f"已转到户号 {account.number}" in said
    assert Receipt.objects.get(pk=receipt.pk).account == account


@pytest.mark.parametrize("number", ["", "8100000000", "SUSPENSE:alipay", "\u202e😀", "x" * 41])
def test_a_number_that_is_none_moves_nothing(clerk: Client, number: str) -> None:
    receipt = in_suspense()
    answer = clerk.post(page("transfer", receipt), {"reason": "已核实", "to_number": number})
    assert answer.status_code == 200
    assert answer.context["form"].errors["to_number"]
    assert not ReceiptTransfer.objects.exists()
    assert not AuditRow.objects.exists()


def test_a_clerk_refunds_to_the_source(clerk: Client) -> None:
    receipt = held(build.account())
    form = clerk.get(page("refund", receipt)).context["form"]
    assert form.initial == {"amount": "26.00", "reason_code": "DUPLICATE"}
    said = act(clerk, "refund", receipt, amount="6.00", reason_code="DUPLICATE")
    request = RefundRequest.objects.get()
    assert request.number in said
    assert (request.amount_cents, request.reason, request.state) == (600, "已核实", "APPROVED")


@pytest.mark.parametrize("amount", ["", "0", "26.01", "-1", "1e2", "６"])
def test_an_amount_that_cannot_be_refunded_is_refused(clerk: Client, amount: str) -> None:
    receipt = held(build.account())
    act(clerk, "refund", receipt, amount=amount, reason_code="DUPLICATE")
    assert not RefundRequest.objects.exists()
    assert not AuditRow.objects.exists()
    assert Receipt.objects.get(pk=receipt.pk).refunding_cents == 0


@pytest.mark.parametrize(
    ("action", "open_cents", "said"),
    [("reopen-bill", 1000, "已恢复 1 张账单的欠费，共 ¥10.00"), ("waive", 0, "已减免 1 张账单，共 ¥10.00")],
)
def test_a_clerk_puts_right_what_refunded_money_had_settled(
    clerk: Client, action: str, open_cents: int, said: str
) -> None:
    account = build.account()
    bill = build.bill(account)
    receipt = overspent(account)
    assert said in act(clerk, action, receipt)
    assert Bill.objects.get(pk=bill.pk).open_cents == open_cents
    assert build.books_are_right()


def test_above_the_limit_it_takes_two(clerk: Client, chief: Client, settings: Any) -> None:
    settings.APPROVAL_LIMITS = settings.APPROVAL_LIMITS | {approvals.TRANSFER: 2599}
    account, receipt = build.account(), in_suspense()

    assert "须由另一人批准" in act(clerk, "transfer", receipt, to_number=account.number)

    assert not ReceiptTransfer.objects.exists()
    [entry] = chief.get(reverse("admin:core_approval_desk")).context["entries"]
    assert (entry["detail"], entry["subject"]) == (f"转到户号 {account.number}", f"收款 {receipt.number}")
    decision = {"approval": entry["approval"].pk, "decision": "approve", "reason": "凭证属实"}
    own = clerk.post(reverse("admin:core_approval_desk"), decision, follow=True)
    assert "须由另一人审批" in own.content.decode()
    assert not ReceiptTransfer.objects.exists()

    chief.post(reverse("admin:core_approval_desk"), decision)

    row = ReceiptTransfer.objects.get()
    assert (row.to_account, row.actor) == (account, f"user:{User.objects.get(username='clerk').pk}")
    assert Approval.objects.get().state == ApprovalState.APPROVED
    assert build.books_are_right()


def test_what_changed_since_the_request_is_not_done(clerk: Client, chief: Client, settings: Any) -> None:
    settings.APPROVAL_LIMITS = settings.APPROVAL_LIMITS | {approvals.USE: 0}
    account = build.account()
    receipt = held(account)
    act(clerk, "use-for-bills", receipt)
    act(clerk, "refund", receipt, amount="1.00", reason_code="DUPLICATE")
    decision = {"approval": Approval.objects.get().pk, "decision": "approve", "reason": "同意"}

    said = chief.post(reverse("admin:core_approval_desk"), decision, follow=True).content.decode()

    assert "金额已经变化" in said
    assert Approval.objects.get().state == ApprovalState.REQUESTED
    assert Receipt.objects.get(pk=receipt.pk).is_under_review


@pytest.mark.usefixtures("alipay_keys")
def test_the_message_leads_to_the_money(desk: Client) -> None:
    payment = build.payment(build.account())
    post(notice(payment, out_trade_no="HP20260101999999"))
    address = reverse("admin:billing_gatewaycallback_change", args=[GatewayCallback.objects.get().pk])
    assert desk.get(address).status_code == 200  # not booked yet
    build.work_off_callbacks()
    receipt = Receipt.objects.get()
    assert reverse("admin:billing_receipt_change", args=[receipt.pk]) in desk.get(address).content.decode()


def test_looking_is_not_deciding(log_in: LogIn) -> None:
    receipt = in_suspense()
    client = log_in(viewer())
    for action in ("use-for-bills", "transfer", "refund", "reopen-bill", "waive"):
        assert client.post(page(action, receipt), {"reason": "越权"}).status_code == 403
    assert Receipt.objects.get().is_under_review


def test_the_list_finds_held_money_by_kind_and_age(desk: Client) -> None:
    account = build.account()
    build.bill(account)
    receipts = {
        "missing": overspent(account),
        "suspense": in_suspense(),
        "review": held(build.account(), 100),
    }
    address = reverse("admin:billing_receipt_changelist")

    def found(choice: str) -> set[Receipt]:
        return set(desk.get(address, {"unused": choice}).context["cl"].result_list)

    assert found("missing") == {receipts["missing"]}
    assert found("suspense") == {receipts["suspense"]}
    assert found("review") == {receipts["suspense"], receipts["review"]}
    assert found("yes") == set(Receipt.objects.exclude(pk=receipts["missing"].pk))
    assert found("nonsense") == set(Receipt.objects.all())
    with clock.stopped(NOON + timedelta(days=6)):
        assert found("7") == set()
    with clock.stopped(NOON + timedelta(days=8)):
        assert found("7") == found("yes")
        assert found("30") == set()
