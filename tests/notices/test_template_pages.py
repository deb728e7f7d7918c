"""The staff page on which texts are written: checked, previewed, side by side; of legal notices by two people."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Region, User
from core import approvals, clock
from core.actor import Actor
from core.models import Approval, AuditRow
from notices.models import InboxMark, Message, Template, Trigger
from notices.services import messages
from tests.admin import build as staff
from tests.billing import build as money
from tests.conftest import NOON
from tests.notices import build

pytestmark = pytest.mark.django_db
WRITES = "notices.add_template"
SEES = "notices.view_template"
PAGE = "/admin/notices/template/add/"
TEXT = {
    "code": "payment_received",
    "channel": "SMS",
    "language": "zh-hans",
    "title": "",
    "body": "【厅】尾号 {{ account_tail }} 收到 {{ amount }}",
    "active_from_0": "2026-11-18",
    "active_from_1": "12:00:00",
    "recipient": "",
    "reason": "文案更新",
}
LEGAL = TEXT | {
    "code": "bill_overdue",
    "body": "{{ account_tail }} {{ amount }} {{ due_on }} {{ suspend_on }} {{ url }} {{ help_line }}",
}


def desk(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def writer() -> User:
    return staff.staff_with(WRITES, SEES, "notices.view_message", username="writer")


@pytest.fixture
def page(writer: User) -> Client:
    return desk(writer)


def versions(code: str = "payment_received", language: str = "zh-hans") -> list[int]:
    rows = Template.objects.filter(code=code, channel="SMS", language=language).order_by("version")
    return list(rows.values_list("version", flat=True))


def test_a_new_version_with_its_reason(page: Client) -> None:
    assert page.post(PAGE, TEXT).status_code == 302
    assert versions() == [1, 2]
    row = AuditRow.objects.get(action="notices.template")
    assert (row.reason, row.detail["data"]["body"]) == ("文案更新", TEXT["body"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"body": "{{ amuont }}"}, "amuont"),
        ({"body": "{{ amount|upper }}"}, "不能使用其他模板语法"),
        ({"code": "no_such_kind"}, "没有登记这个模板代码"),
        ({"channel": "EMAIL"}, "必须有标题"),
        ({"is_secret": "on"}, "是否保密必须一致"),
        ({"reason": ""}, ""),
        ({"active_from_0": "x"}, ""),
    ],
)
def test_what_could_not_be_sent_is_refused_and_named(page: Client, change: dict[str, str], told: str) -> None:
    answer = page.post(PAGE, TEXT | change)
    assert answer.status_code == 200
    assert told in answer.content.decode()
    assert versions() == [1]


def test_a_preview_stores_nothing_and_needs_no_reason(page: Client) -> None:
    shown = page.post(PAGE, TEXT | {"preview": "1", "reason": ""}).content.decode()
    assert "【厅】尾号 0001 收到 ¥26.00" in shown
    assert "UCS-2，20 个字符，分 1 条发送" in shown
    assert "[Online Hall] We received ¥26.00" in shown  # the other language, beside it
    assert "GSM-7" in shown
    assert versions() == [1]
    assert not AuditRow.objects.filter(action="notices.template").exists()


def test_a_preview_of_a_bad_text_says_what_is_wrong(page: Client) -> None:
    answer = page.post(PAGE, TEXT | {"preview": "1", "body": "{{ amuont }}"})
    assert "可以使用：account_tail, amount, receipt" in answer.content.decode()


def test_the_form_begins_with_the_text_of_today(page: Client) -> None:
    named = {"code": "payment_received", "channel": "SMS", "language": "en"}
    form = page.get(PAGE, named).context["form"]
    assert form.initial["body"].startswith("[Online Hall] We received")
    assert page.get(PAGE).status_code == 200
    assert page.get(PAGE, {"code": "nothing", "channel": "SMS", "language": "en"}).status_code == 200


def test_a_real_customer_s_data_as_he_was_told_last(page: Client) -> None:
    messages.send(
        code="payment_received",
        recipient_ref="account:8100000001",
        addresses=[build.PHONE],
        context={"account_tail": "7788", "amount": "¥99.00", "receipt": "R9"},
        dedupe_key="real",
        as_of=NOON,
    )
    typed = TEXT | {"preview": "1", "recipient": "8100000001"}
    shown = page.post(PAGE, typed).content.decode()
    assert "尾号 7788 收到 ¥99.00" in shown
    assert Message.objects.count() == 1


def test_of_a_customer_who_was_never_told_what_rooms_know(page: Client) -> None:
    account = money.account(money.user())
    money.bill(account, 1234)
    shown = page.post(PAGE, LEGAL | {"preview": "1", "recipient": account.number}).content.decode()
    assert f"{account.number[-4:]} ¥12.34 " in shown
    assert "资料预览" in shown
    shown = page.post(PAGE, LEGAL | {"preview": "1", "recipient": "8199999999"}).content.decode()
    assert "以下都是示例" in shown


def test_private_values_are_shown_as_samples(page: Client) -> None:
    messages.send(
        code="payment_by_other",
        recipient_ref="account:8100000001",
        addresses=[build.PHONE],
        context={"account_tail": "7788", "amount": "¥9.00", "receipt": "R9", "payer": "李大海"},
        dedupe_key="real",
        as_of=NOON,
    )
    typed = TEXT | {"code": "payment_by_other", "body": "{{ payer }} {{ amount }}"}
    shown = page.post(PAGE, typed | {"preview": "1", "recipient": "8100000001"}).content.decode()
    assert "¥9.00" in shown
    assert "李大海" not in shown


def test_nobody_previews_a_customer_of_another_region() -> None:
    here = Region.objects.create(code="HERE", name="HERE", level=Region.Level.CITY, parent=staff.operator())
    mine, theirs = money.account(money.user()), money.account(money.user())
    BillingAccount.objects.filter(pk=mine.pk).update(region=here)
    local = staff.staff_with(WRITES, username="local")
    looking = Group.objects.create(name="looks at messages")
    looking.permissions.add(staff.permission("notices.view_message"))
    staff.post(local, looking, here)
    typed = TEXT | {"preview": "1", "body": "【{{ account_tail }}】"}
    shown = desk(local).post(PAGE, typed | {"recipient": mine.number}).content.decode()
    assert f"【{mine.number[-4:]}】" in shown
    refused = desk(local).post(PAGE, typed | {"recipient": theirs.number}).content.decode()
    assert "没有找到这个客户" in refused
    assert f"【{theirs.number[-4:]}】" not in refused


def test_a_legal_text_takes_two(page: Client, writer: User) -> None:
    assert page.post(PAGE, LEGAL).status_code == 302
    assert versions("bill_overdue") == [1]
    asked = Approval.objects.get()
    own = Actor.user(writer)
    with pytest.raises(approvals.OwnRequest):
        approvals.decide(approval_id=asked.pk, approve=True, actor=own, reason="x", as_of=NOON)
    other = Actor.user(staff.staff_with(WRITES, username="other"))
    later = NOON + timedelta(days=2)
    approvals.decide(approval_id=asked.pk, approve=True, actor=other, reason="已核对", as_of=later)
    assert versions("bill_overdue") == [1, 2]
    row = Template.objects.get(code="bill_overdue", channel="SMS", language="zh-hans", version=2)
    assert (row.body, row.active_from) == (LEGAL["body"], later)


def test_a_legal_text_that_hides_the_day_cannot_even_be_asked_for(page: Client) -> None:
    answer = page.post(PAGE, LEGAL | {"body": LEGAL["body"].replace("{{ suspend_on }}", "")})
    assert "法定通知必须写明：suspend_on" in answer.content.decode()
    assert not Approval.objects.exists()


def test_who_may_only_look_writes_nothing() -> None:
    viewer = desk(staff.staff_with(SEES, username="viewer"))
    assert viewer.get(PAGE).status_code == 403
    assert viewer.post(PAGE, TEXT).status_code == 403
    assert versions() == [1]


def test_a_version_leads_to_the_next_and_is_never_edited(page: Client) -> None:
    row = Template.objects.get(code="payment_received", channel="SMS", language="zh-hans")
    address = reverse("admin:notices_template_change", args=[row.pk])
    shown = page.get(address).content.decode()
    assert f"{PAGE}?code=payment_received&amp;channel=SMS&amp;language=zh-hans" in shown
    assert page.post(address, TEXT).status_code == 403


TRIGGER: dict[str, Any] = {
    "code": "my-trigger",
    "title": "提前五天提醒",
    "source": "billing.bill_due",
    "days": "-5",
    "template_code": "bill_due_soon",
    "is_on": "on",
    "active_from": "2026-11-01",
    "active_to": "",
    "reason": "提前提醒",
}


def test_staff_make_a_trigger_and_see_whom_it_would_tell() -> None:
    root = desk(staff.superuser())
    assert root.post(reverse("admin:notices_trigger_add"), TRIGGER).status_code == 302

    made = Trigger.objects.get(code="my-trigger")
    assert (made.days, made.active_from) == (-5, date(2026, 11, 1))
    assert AuditRow.objects.get(action="notices.trigger.added").reason == "提前提醒"
    account = money.account(money.user())
    bill = money.bill(account, 1234)
    address = reverse("admin:notices_trigger_today", args=[made.pk])

    at = NOON.replace(year=bill.due_on.year, month=bill.due_on.month, day=bill.due_on.day) - timedelta(days=5)
    with clock.stopped(at):
        shown = root.get(address).content.decode()
    assert "¥12.34" in shown
    assert f"account:{account.number}" in shown
    phone = account.contacts.get(kind="PHONE").value
    assert phone not in shown
    assert not Message.objects.filter(code="bill_due_soon").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"template_code": "debit_due"},  # needs what the source does not give
        {"template_code": "login_code"},
        {"source": "nothing.of.the.kind"},
        {"source": ""},
        {"active_to": "2026-10-01"},
        {"reason": ""},
    ],
)
def test_a_trigger_that_could_tell_nothing_is_refused(change: dict[str, str]) -> None:

    root = desk(staff.superuser())
    assert root.post(reverse("admin:notices_trigger_add"), TRIGGER | change).status_code == 200
    assert not Trigger.objects.filter(code="my-trigger").exists()


def test_a_dry_run_needs_the_right_to_see_recipients() -> None:

    made = Trigger.objects.get(code="bill_due")
    address = reverse("admin:notices_trigger_today", args=[made.pk])
    assert desk(staff.staff_with("notices.view_trigger", username="a")).get(address).status_code == 403
    both = staff.staff_with("notices.view_trigger", "notices.view_message", username="b")
    assert desk(both).get(address).status_code == 200


@pytest.mark.parametrize("model", ["template", "trigger", "inboxmark"])
def test_lists_and_details_open(model: str) -> None:
    InboxMark.objects.create(reader_ref="user:1", up_to=1, at=NOON)
    root = desk(staff.superuser())
    assert root.get(reverse(f"admin:notices_{model}_changelist")).status_code == 200
    rows = {"template": Template.objects, "trigger": Trigger.objects, "inboxmark": InboxMark.objects}
    row = rows[model].first()
    assert row is not None
    assert root.get(reverse(f"admin:notices_{model}_change", args=[row.pk])).status_code == 200
