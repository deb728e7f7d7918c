"""The staff pages of posts and certificates: what they offer, ask for, refuse and keep."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.models import Certificate, Post, Region, User
from core import approval_desk, clock
from core.models import Approval, AuditRow
from hall import staff_roles
from tests.admin import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
LogIn = Callable[[User], Client]
APPOINT = reverse("admin:accounts_post_appoint")


@pytest.fixture
def city() -> Region:
    return Region.objects.create(code="CITY", name="清河市", level="CITY", parent=build.operator())


@pytest.fixture
def hall(city: Region) -> Region:
    return Region.objects.create(code="HALL", name="和平路营业厅", level="HALL", parent=city)


@pytest.fixture
def elsewhere() -> Region:
    return Region.objects.create(code="FAR", name="云山市", level="CITY", parent=build.operator())


def posted(name: str, role: str, region: Region) -> User:
    user = User.objects.create_user(name, password="not-guessed-1", is_staff=True)
    build.post(user, Group.objects.get(name=role), region)
    return user


@pytest.fixture
def chief(city: Region) -> User:
    return posted("chief", staff_roles.CHIEF, city)


@pytest.fixture
def new() -> User:
    return User.objects.create_user("new", password="not-guessed-1", is_staff=True, name="新员工")


def typed(role: str, region: str, **more: str) -> dict[str, Any]:
    given = {"username": "new", "role": Group.objects.get(name=role).pk, "region": region}
    return given | {"active_from": "2026-11-18", "active_to": "", "reason": "岗位需要"} | more


def test_a_chief_appoints_on_the_page(log_in: LogIn, chief: User, new: User, hall: Region) -> None:
    client = log_in(chief)
    listed = client.get(reverse("admin:accounts_post_changelist")).content.decode()
    assert APPOINT in listed
    page = client.get(APPOINT)
    roles = {role.name for role in page.context["form"].fields["role"].queryset}
    assert roles == {staff_roles.CLERK, staff_roles.CASHIER}
    assert 'value="HALL"' in page.content.decode()
    assert client.post(APPOINT, typed(staff_roles.CLERK, "HALL")).status_code == 302
    assert (new.posts.get().region, new.posts.get().appointed_by) == (hall, chief)
    assert AuditRow.objects.get(action="accounts.appointment").reason == "岗位需要"


@pytest.mark.parametrize(
    "change",
    [
        {"region": "FAR"},
        {"region": "OPERATOR"},
        {"region": "NOWHERE"},
        {"username": "nobody"},
        {"username": "chief"},
        {"reason": ""},
        {"active_to": "2026-11-18"},
        {"active_from": "gestern"},
    ],
)
def test_what_is_refused_keeps_what_was_typed(
    log_in: LogIn, chief: User, new: User, hall: Region, elsewhere: Region, change: dict[str, str]
) -> None:
    before = Post.objects.count()
    answer = log_in(chief).post(APPOINT, typed(staff_roles.CLERK, "HALL") | change)
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert "岗位需要" in answer.content.decode() or change.get("reason") == ""
    assert Post.objects.count() == before


def test_a_role_that_is_not_his_to_give_is_not_offered_nor_taken(
    log_in: LogIn, chief: User, new: User, hall: Region
) -> None:
    answer = log_in(chief).post(APPOINT, typed(staff_roles.ADMINISTRATOR, "HALL"))
    assert "role" in answer.context["form"].errors
    assert not new.posts.exists()


def test_who_tries_for_more_leaves_a_trace(log_in: LogIn, chief: User, hall: Region) -> None:
    log_in(chief).post(APPOINT, typed(staff_roles.CLERK, "HALL", username="chief"))
    row = AuditRow.objects.get(action="staff.refused")
    assert (row.actor, row.detail["why"]) == (f"user:{chief.pk}", "NOT_FOR_ONESELF")


def test_others_do_not_open_the_page(log_in: LogIn, city: Region) -> None:
    assert log_in(posted("clerk", staff_roles.CLERK, city)).get(APPOINT).status_code == 403
    listed = log_in(posted("auditor", staff_roles.AUDITOR, city)).get(
        reverse("admin:accounts_post_changelist")
    )
    assert APPOINT not in listed.content.decode()


def test_an_administrator_is_appointed_by_two(log_in: LogIn, new: User) -> None:
    top = build.operator()
    first, second = (posted(name, staff_roles.ADMINISTRATOR, top) for name in ("first", "second"))
    client = log_in(first)
    answer = client.post(APPOINT, typed(staff_roles.ADMINISTRATOR, "OPERATOR"), follow=True)
    assert "已提交审批" in answer.content.decode()
    assert not new.posts.exists()
    asked = Approval.objects.get()
    desk = reverse(approval_desk.URL)
    decision = {"approval": asked.pk, "decision": "approve", "reason": "同意任命"}
    client.post(desk, decision)
    assert not new.posts.exists()
    page = log_in(second).get(desk).content.decode()
    assert "系统管理员" in page
    assert "¥0.00" not in page
    log_in(second).post(desk, decision)
    assert new.posts.get().appointed_by == first


def test_a_post_is_ended_with_a_reason_and_opens_nothing_more(
    log_in: LogIn, chief: User, hall: Region
) -> None:
    clerk = posted("clerk", staff_roles.CLERK, hall)
    his = log_in(clerk)
    slips = reverse("admin:operations_slip_changelist")
    assert his.get(slips).status_code == 200
    today = clock.local_date(clock.now())
    act = f"{reverse('admin:accounts_post_act', args=['end'])}?ids={clerk.posts.get().pk}"
    assert log_in(chief).post(act, {"ends_on": today.isoformat(), "reason": "调离"}).status_code == 302
    assert clerk.posts.get().active_to == today
    assert his.get(slips).status_code == 403
    assert AuditRow.objects.filter(action="accounts.post.end", reason="调离").count() == 1


def test_certificates_are_recorded_and_revoked_with_reasons(log_in: LogIn, chief: User, hall: Region) -> None:
    clerk = posted("clerk", staff_roles.CLERK, hall)
    client = log_in(chief)
    act = f"{reverse('admin:accounts_user_act', args=['certificate'])}?ids={clerk.pk}"
    assert act in client.get(reverse("admin:accounts_user_change", args=[clerk.pk])).content.decode()
    wanted = {"number": "A-1", "kind": "ACCEPTANCE", "issued_on": "2026-11-01", "expires_on": "2027-11-01"}
    bad = client.post(act, wanted | {"expires_on": "2026-11-01", "reason": "新证"})
    assert bad.status_code == 200
    assert client.post(act, wanted | {"reason": "新证"}).status_code == 302
    made = Certificate.objects.get()
    assert (made.user, made.recorded_by, made.expires_on) == (clerk, chief, date(2027, 11, 1))
    revoke = f"{reverse('admin:accounts_certificate_act', args=['revoke'])}?ids={made.pk}"
    assert client.post(revoke, {"reason": "违规"}).status_code == 302
    made.refresh_from_db()
    assert made.revoked_at is not None
    assert set(AuditRow.objects.values_list("action", "reason")) == {
        ("accounts.user.certificate", "新证"),
        ("accounts.certificate.revoke", "违规"),
    }


def test_lists_are_narrowed_by_region_and_standing(log_in: LogIn, city: Region, hall: Region) -> None:
    other = Region.objects.create(code="HALL2", name="柳园营业厅", level="HALL", parent=city)
    for name, region in (("one", hall), ("two", other)):
        build.certify(posted(name, staff_roles.CLERK, region))
    today = clock.local_date(clock.now())
    Certificate.objects.create(
        user=User.objects.get(username="one"),
        number="SOON",
        kind="CASHIER",
        issued_on=today - timedelta(days=300),
        expires_on=today + timedelta(days=5),
        created_at=NOON,
    )
    client = log_in(posted("admin", staff_roles.ADMINISTRATOR, build.operator()))

    def found(model: str, **query: str) -> set[str]:
        page = client.get(reverse(f"admin:accounts_{model}_changelist"), query)
        return {row.user.username for row in page.context["cl"].result_list}

    assert found("post", region="CITY") == {"one", "two"}
    assert found("post", region="HALL2") == {"two"}
    assert found("post", region="NOWHERE") == set()
    assert found("post", held="yes") == {"admin", "one", "two"}
    assert found("certificate", expiry="soon") == {"one"}
    page = client.get(reverse("admin:accounts_post_changelist"), {"region": "CITY"}).content.decode()
    assert "柳园营业厅" in page
