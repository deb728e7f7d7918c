"""Staff actions: offered where they apply, refused without permission or reason, one service call, one audit row."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing.gateways import registry
from billing.gateways.base import GatewayError
from billing.models import CallbackState, Payment, PaymentState
from core.models import AuditRow, OutboxRow
from notices.models import Delivery, DeliveryState, Message, Template
from tests.admin import build
from tests.billing import build as money
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
LogIn = Callable[[User], Client]


def page(app_model: str, action: str, *keys: object) -> str:
    return f"{reverse(f'admin:{app_model}_act', args=[action])}?ids={','.join(map(str, keys))}"


def test_dead_news_runs_again_and_leaves_its_reason(desk: Client, root: User) -> None:
    row = build.outbox_row()
    address = page("core_outboxrow", "run-again", row.pk)
    assert address in desk.get(reverse("admin:core_outboxrow_change", args=[row.pk])).content.decode()

    answer = desk.post(address, {"reason": "接收方已修复"}, REMOTE_ADDR="127.0.0.9")

    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.state, row.attempts) == (OutboxRow.State.PENDING, 0)
    audit = AuditRow.objects.get()
    assert audit.actor == f"user:{root.pk}"
    assert audit.action == "core.outboxrow.run-again"
    assert (audit.object_type, audit.object_id) == ("core.OutboxRow", str(row.pk))
    assert (audit.reason, audit.address) == ("接收方已修复", "127.0.0.9")


def test_many_rows_share_one_reason_and_each_gets_its_audit_row(desk: Client) -> None:
    rows = [build.outbox_row(key=f"k{i}") for i in range(3)]
    chosen = {"action": "run-again", "_selected_action": [row.pk for row in rows]}

    asked = desk.post(reverse("admin:core_outboxrow_changelist"), chosen)
    desk.post(asked["Location"], {"reason": "批量恢复"})

    assert OutboxRow.objects.filter(state=OutboxRow.State.PENDING).count() == 3
    assert AuditRow.objects.filter(reason="批量恢复").count() == 3


@pytest.mark.parametrize("reason", ["", " ", "x", "长" * 301])
def test_without_a_reason_nothing_happens(desk: Client, reason: str) -> None:
    row = build.outbox_row()

    answer = desk.post(page("core_outboxrow", "run-again", row.pk), {"reason": reason})

    assert answer.status_code == 200
    row.refresh_from_db()
    assert row.state == OutboxRow.State.DEAD
    assert not AuditRow.objects.exists()


def test_asking_for_the_page_changes_nothing(desk: Client) -> None:
    row = build.outbox_row()

    answer = desk.get(page("core_outboxrow", "run-again", row.pk))

    assert answer.status_code == 200
    row.refresh_from_db()
    assert row.state == OutboxRow.State.DEAD


def test_a_row_in_another_state_is_refused_and_said_so(desk: Client) -> None:
    row = build.outbox_row(OutboxRow.State.DONE)
    address = page("core_outboxrow", "run-again", row.pk)
    assert address not in desk.get(reverse("admin:core_outboxrow_change", args=[row.pk])).content.decode()

    answer = desk.post(address, {"reason": "试一试"}, follow=True)

    assert "这条消息没有停止" in answer.content.decode()
    row.refresh_from_db()
    assert row.state == OutboxRow.State.DONE
    assert not AuditRow.objects.exists()


def test_looking_is_not_acting(log_in: LogIn) -> None:
    row = build.outbox_row()
    client = log_in(build.viewer())
    detail = client.get(reverse("admin:core_outboxrow_change", args=[row.pk]))
    assert "/act/" not in detail.content.decode()
    assert "run-again" not in client.get(reverse("admin:core_outboxrow_changelist")).content.decode()

    for answer in (
        client.get(page("core_outboxrow", "run-again", row.pk)),
        client.post(page("core_outboxrow", "run-again", row.pk), {"reason": "越权"}),
    ):
        assert answer.status_code == 403
    row.refresh_from_db()
    assert row.state == OutboxRow.State.DEAD


def test_acting_needs_only_the_permission_for_that_model(log_in: LogIn) -> None:
    row = build.outbox_row()
    client = log_in(build.staff_with("core.change_outboxrow"))

    assert client.post(page("core_outboxrow", "run-again", row.pk), {"reason": "值班"}).status_code == 302

    row.refresh_from_db()
    assert row.state == OutboxRow.State.PENDING
    assert client.get(page("billing_gatewaycallback", "apply-again", 1)).status_code == 403


@pytest.mark.parametrize(
    "query", ["", "?ids=", "?ids=x", "?ids=999999", "?ids=" + "1," * 200, "?ids=9" + "9" * 40]
)
def test_unknown_rows_are_not_found(desk: Client, query: str) -> None:
    assert desk.get(reverse("admin:core_outboxrow_act", args=["run-again"]) + query).status_code == 404


def test_unknown_actions_are_not_found(desk: Client) -> None:
    row = build.outbox_row()
    assert desk.get(page("core_outboxrow", "explode", row.pk)).status_code == 404


def test_a_customer_is_sent_to_log_in(log_in: LogIn) -> None:
    row = build.outbox_row()
    answer = log_in(money.user()).post(page("core_outboxrow", "run-again", row.pk), {"reason": "我"})
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.state == OutboxRow.State.DEAD


def test_a_form_from_elsewhere_is_refused(root: User) -> None:
    row = build.outbox_row()
    client = Client(enforce_csrf_checks=True)
    client.force_login(root)
    assert client.post(page("core_outboxrow", "run-again", row.pk), {"reason": "伪造"}).status_code == 403


def test_given_up_callback_is_applied_again(desk: Client, root: User) -> None:
    payment = money.payment(money.account())
    callback = build.dead_callback(payment)

    desk.post(page("billing_gatewaycallback", "apply-again", callback.pk), {"reason": "已核对渠道"})

    callback.refresh_from_db()
    assert (callback.state, callback.attempts) == (CallbackState.NEW, 0)
    audit = AuditRow.objects.get()
    assert (audit.actor, audit.reason) == (f"user:{root.pk}", "已核对渠道")
    assert (audit.object_type, audit.object_id) == ("billing.GatewayCallback", str(callback.pk))


def test_payment_asks_its_gateway_now(desk: Client, root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = money.payment(money.account(), 2600)
    asked: list[str] = []

    class Paid:
        def query(self, reference: str) -> object:
            asked.append(reference)
            return money.report(payment)

    monkeypatch.setattr(registry, "get", lambda code: Paid())

    answer = desk.post(page("billing_payment", "query-now", payment.pk), {"reason": "客户来电"}, follow=True)

    assert asked == [payment.reference]
    assert Payment.objects.get(pk=payment.pk).state == PaymentState.SUCCEEDED
    assert "已支付" in answer.content.decode()
    audit = AuditRow.objects.get()
    assert (audit.action, audit.reason) == ("billing.payment.query-now", "客户来电")


def test_silent_gateway_leaves_the_payment_undecided(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = money.payment(money.account(), 2600)

    class Silent:
        def query(self, reference: str) -> object:
            raise GatewayError("TIMEOUT", "no answer", permanent=False)

    monkeypatch.setattr(registry, "get", lambda code: Silent())

    desk.post(page("billing_payment", "query-now", payment.pk), {"reason": "客户来电"})

    assert Payment.objects.get(pk=payment.pk).state == PaymentState.UNKNOWN
    assert AuditRow.objects.count() == 1


def test_failed_delivery_is_sent_again_a_secret_never(desk: Client) -> None:
    plain, secret = (_failed(expires) for expires in (None, NOON + timedelta(minutes=5)))

    answer = desk.post(
        page("notices_delivery", "send-again", plain.pk, secret.pk), {"reason": "号码已恢复"}, follow=True
    )

    plain.refresh_from_db()
    secret.refresh_from_db()
    assert (plain.state, secret.state) == (DeliveryState.QUEUED, DeliveryState.FAILED)
    assert "只有未送达的普通通知可以重新发送" in answer.content.decode()
    assert [row.object_id for row in AuditRow.objects.all()] == [str(plain.pk)]


def _failed(expires_at: datetime | None) -> Delivery:
    message = Message.objects.create(
        code="c", recipient_ref="r", dedupe_key=f"k{Message.objects.count()}", created_at=NOON
    )
    template = Template.objects.filter(code="test_text").first() or Template.objects.create(
        code="test_text", channel="SMS", version=1, body="x", active_from=NOON
    )
    delivery = Delivery.objects.create(
        message=message,
        template=template,
        channel="SMS",
        address="+8613800000001",
        created_at=NOON,
        next_attempt_at=NOON,
        expires_at=expires_at,
    )
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.FAILED)
    return delivery


def test_the_audit_row_names_the_caller_behind_the_proxy(desk: Client, settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    row = build.outbox_row()
    headers = {"X-Forwarded-For": "198.51.100.66, 203.0.113.9"}  # the first is what the caller made up
    desk.post(page("core_outboxrow", "run-again", row.pk), {"reason": "值班"}, headers=headers)
    assert AuditRow.objects.get().address == "203.0.113.9"
