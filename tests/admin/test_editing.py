"""The few things that staff write by hand: each with a reason, each leaving an audit row."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken

from accounts.models import Region, User
from core.models import AuditRow, CalendarDay
from notices.models import Template
from tests.admin import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
LogIn = Callable[[User], Client]
NEW_STAFF = {
    "username": "zhang",
    "name": "张三",
    "phone": "138 0000 0001",
    "password1": "long-enough-7",
    "password2": "long-enough-7",
    "usable_password": "true",
    "reason": "新员工入职",
}


def test_new_staff_get_in_with_a_proper_phone(desk: Client) -> None:
    desk.post(reverse("admin:accounts_user_add"), NEW_STAFF)

    user = User.objects.get(username="zhang")
    assert (user.phone, user.phone_verified_at) == ("+8613800000001", None)
    assert user.is_staff
    assert not user.is_superuser
    assert user.check_password("long-enough-7")
    audit = AuditRow.objects.get()
    assert (audit.action, audit.reason, audit.object_id) == (
        "accounts.user.added",
        "新员工入职",
        str(user.pk),
    )
    assert "long-enough" not in str(audit.detail)


@pytest.mark.parametrize(
    "change", [{"phone": "021-12345678"}, {"reason": ""}, {"password2": "other-9-other"}]
)
def test_bad_staff_are_not_made(desk: Client, change: dict[str, str]) -> None:
    assert desk.post(reverse("admin:accounts_user_add"), NEW_STAFF | change).status_code == 200
    assert not User.objects.filter(username="zhang").exists()
    assert not AuditRow.objects.exists()


COUNTS = ("TOTAL_FORMS", "INITIAL_FORMS")  # of the rows that the page shows below the fields


def changed(user: User, **changes: Any) -> dict[str, Any]:
    values = {
        "username": user.username,
        "language": "zh-hans",
        "is_staff": "on",
        "is_active": "on",
        "phone": user.phone,
    }
    kept = {name: value for name, value in (values | changes).items() if value}
    return kept | {f"{rows}-{count}": "0" for rows in ("posts", "certificates") for count in COUNTS}


def test_what_hangs_on_a_user_opens_nothing(desk: Client) -> None:
    user = User.objects.create_user("wang", password="not-guessed-1", is_staff=True)
    role = Group.objects.create(name="lookers")
    role.permissions.add(Permission.objects.get(codename="view_slip"))
    user.groups.add(role)
    user.user_permissions.add(Permission.objects.get(codename="view_slip"))
    assert not User.objects.get(pk=user.pk).has_perm("operations.view_slip")
    page = desk.get(reverse("admin:accounts_user_change", args=[user.pk]))
    fields = page.context["adminform"].form.fields
    assert not {"groups", "user_permissions"} & set(fields)

    build.post(user, role, build.operator())
    assert User.objects.get(pk=user.pk).has_perm("operations.view_slip")


def test_a_change_is_kept_with_what_was_before_and_is_now(desk: Client) -> None:
    user = build.staff_with()
    at = reverse("admin:accounts_user_change", args=[user.pk])
    desk.post(at, changed(user, name="王五", reason="补录姓名"))
    assert AuditRow.objects.get().detail["values"] == {"name": ["", "王五"]}


def test_who_has_left_is_out_and_his_history_stays(desk: Client, log_in: LogIn) -> None:
    user = build.certify(build.staff_with("operations.view_slip"))
    his = log_in(user)
    assert his.get(reverse("admin:operations_slip_changelist")).status_code == 200
    values = changed(user, reason="离职")
    del values["is_active"]
    desk.post(reverse("admin:accounts_user_change", args=[user.pk]), values)
    assert his.get(reverse("admin:operations_slip_changelist")).status_code == 302
    assert not User.objects.get(pk=user.pk).has_perm("operations.view_slip")
    assert user.posts.exists()
    assert user.certificates.exists()


def test_only_rights_that_open_something_are_offered_and_in_words(desk: Client) -> None:
    page = desk.get(reverse("admin:auth_group_add"))
    field = page.context["adminform"].form.fields["permissions"]
    offered = {p.codename: field.label_from_instance(p) for p in field.queryset}
    assert {"view_bill", "change_payment", "view_slip", "add_template", "view_user"} <= set(offered)
    assert not {"change_ledgerentry", "add_bill", "change_user", "change_template", "add_logentry"} & set(
        offered
    )
    assert not [code for code in offered if code.startswith("delete_")]
    assert offered["view_bill"].endswith(" · 账单 · 查看")


def test_a_phone_typed_by_staff_is_not_proven(desk: Client) -> None:
    user = build.staff_with()
    User.objects.filter(pk=user.pk).update(phone="+8613800000009", phone_verified_at=NOON)

    address = reverse("admin:accounts_user_change", args=[user.pk])
    desk.post(address, changed(user, phone="13800000009", reason="没有变化"))
    assert User.objects.get(pk=user.pk).phone_verified_at == NOON
    desk.post(address, changed(user, phone="13800000008", reason="换号"))

    user.refresh_from_db()
    assert (user.phone, user.phone_verified_at) == ("+8613800000008", None)


def test_a_new_password_needs_a_reason_and_is_told_to_nobody(desk: Client) -> None:
    user = build.staff_with()
    AuthToken.objects.create(user)
    address = reverse("admin:auth_user_password_change", args=[user.pk])
    typed = {"password1": "brand-new-55", "password2": "brand-new-55"}

    assert desk.get(address).status_code == 200
    assert desk.post(address, typed).status_code == 200
    assert not User.objects.get(pk=user.pk).check_password("brand-new-55")
    assert desk.post(address, typed | {"reason": "忘记密码"}).status_code == 302

    assert User.objects.get(pk=user.pk).check_password("brand-new-55")
    assert not AuthToken.objects.exists()
    audit = AuditRow.objects.get()
    assert audit.reason == "忘记密码"
    assert "brand-new" not in str(audit.detail)


def test_whoever_may_change_users_cannot_make_himself_more(log_in: LogIn) -> None:
    clerk = build.staff_with(
        "accounts.view_user", "accounts.add_user", "accounts.change_user", "auth.change_group"
    )
    client = log_in(clerk)

    raised = changed(clerk, is_superuser="on", reason="我要")
    assert client.post(reverse("admin:accounts_user_change", args=[clerk.pk]), raised).status_code == 403
    assert client.post(reverse("admin:accounts_user_add"), NEW_STAFF).status_code == 403
    assert client.post(reverse("admin:auth_user_password_change", args=[clerk.pk]), {}).status_code == 403
    assert client.get(reverse("admin:auth_group_add")).status_code == 403

    clerk.refresh_from_db()
    assert not clerk.is_superuser


def test_no_page_shows_a_password_hash(desk: Client, root: User, log_in: LogIn) -> None:
    for client in (desk, log_in(build.viewer())):
        page = client.get(reverse("admin:accounts_user_change", args=[root.pk])).content.decode()
        assert root.username in page
        assert root.password not in page
        assert root.password.rpartition("$")[2] not in page


def test_calendar_days_are_kept_with_reasons(desk: Client) -> None:
    added = reverse("admin:core_calendarday_add")
    values = {"day": "2027-01-02", "note": "盘点"}
    assert desk.post(added, values).status_code == 200
    desk.post(added, values | {"reason": "年度盘点"})
    day = CalendarDay.objects.get()
    changing = reverse("admin:core_calendarday_change", args=[day.pk])
    desk.post(changing, values | {"is_working": "on", "reason": "盘点取消"})

    assert CalendarDay.objects.get().is_working
    assert list(AuditRow.objects.order_by("pk").values_list("action", "reason")) == [
        ("core.calendarday.added", "年度盘点"),
        ("core.calendarday.changed", "盘点取消"),
    ]


def test_regions_are_added_never_deleted(desk: Client) -> None:
    desk.post(
        reverse("admin:accounts_region_add"),
        {"code": "310000", "name": "上海", "level": "PROVINCE", "reason": "开通"},
    )
    region = Region.objects.get(code="310000")
    assert (
        desk.post(reverse("admin:accounts_region_delete", args=[region.pk]), {"post": "yes"}).status_code
        == 403
    )


TEXT = {
    "code": "test_text",
    "channel": "SMS",
    "language": "zh-hans",
    "title": "",
    "body": "新文案 {{ amount }}",
    "active_from_0": "2026-11-18",
    "active_from_1": "12:00:00",
    "reason": "文案更新",
}


def first_version() -> Template:
    return Template.objects.create(
        code="test_text", channel="SMS", version=1, body="缴费 {{ amount }} {{ receipt }}", active_from=NOON
    )


def test_a_text_gets_a_new_version_and_the_old_one_stays(desk: Client) -> None:
    old = first_version()

    assert desk.post(reverse("admin:notices_template_add"), TEXT).status_code == 302

    versions = dict(Template.objects.filter(code="test_text").values_list("version", "body"))
    assert versions == {1: old.body, 2: "新文案 {{ amount }}"}
    assert AuditRow.objects.get().reason == "文案更新"
    address = reverse("admin:notices_template_change", args=[old.pk])
    assert desk.get(address).status_code == 200
    assert desk.post(address, TEXT).status_code == 403


@pytest.mark.parametrize("body", ["{% load x %}", "{{ secret }}", "{# x #}", ""])
def test_a_text_that_could_not_be_sent_is_refused(desk: Client, body: str) -> None:
    first_version()
    assert desk.post(reverse("admin:notices_template_add"), TEXT | {"body": body}).status_code == 200
    assert Template.objects.filter(code="test_text").count() == 1
    assert not AuditRow.objects.exists()


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("login_code", {"is_secret": ""}),  # nobody could log in: a code is never sent in a text that is kept
        ("login_code", {"body": "登录验证码，{{ minutes }} 分钟内有效"}),
        ("test_text", {"is_secret": "on", "body": "{{ amount }}"}),  # would stop the news that sends it
    ],
)
def test_no_version_takes_away_what_its_senders_count_on(
    desk: Client, code: str, change: dict[str, str]
) -> None:
    first_version()
    before = Template.objects.count()
    typed = TEXT | {"code": code, "is_secret": "on", "body": "{{ code }}：{{ minutes }} 分钟"} | change
    assert desk.post(reverse("admin:notices_template_add"), typed).status_code == 200
    assert Template.objects.count() == before


def test_a_code_may_be_said_in_other_words(desk: Client) -> None:
    typed = TEXT | {"code": "login_code", "is_secret": "on", "body": "{{ code }}"}
    assert desk.post(reverse("admin:notices_template_add"), typed).status_code == 302
    assert Template.objects.filter(code="login_code", version=2, is_secret=True).exists()


def test_who_may_only_look_at_a_user_sees_his_numbers_masked(log_in: LogIn) -> None:
    """As in the list, and as on every other page."""
    user = User.objects.create(username="wang", phone="+8613812345678", email="wang@example.com")
    page = reverse("admin:accounts_user_change", args=[user.pk])
    text = log_in(build.viewer()).get(page).content.decode()
    assert "138****5678" in text
    assert "13812345678" not in text
    assert "wang@example.com" not in text
    assert "+8613812345678" in log_in(build.superuser("chief")).get(page).content.decode()
