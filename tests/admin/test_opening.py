"""Staff create a person, a family or a firm with the first billing account; close it, and open it again."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Contact, Customer, Post, Region, User
from core.models import AuditRow
from tests.admin import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
LogIn = Callable[[User], Client]


@pytest.fixture
def east() -> Region:
    return Region.objects.create(code="E", name="城东", level=Region.Level.CITY)


@pytest.fixture
def west() -> Region:
    return Region.objects.create(code="W", name="城西", level=Region.Level.CITY)


def clerk(where: Region, *codes: str) -> User:
    user = User.objects.create_user(username="clerk-e", password="not-guessed-1", is_staff=True)
    role = Group.objects.create(name="试验建档")
    wanted = Permission.objects.filter(content_type__app_label="accounts", codename__in=codes)
    role.permissions.set(wanted)
    Post.objects.create(user=user, role=role, region=where, active_from="2020-01-01", created_at=NOON)
    return build.certify(user)


def given(region: Region, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "FAMILY",
        "name": "王家",
        "region": region.pk,
        "phone": "138 0000 0001",
        "contact_name": "王小明",
        "address": "幸福路 1 号",
        "number": "",
        "reason": "客户到厅开户",
    } | changes


def url() -> str:
    return reverse("admin:accounts_customer_open")


@pytest.mark.parametrize("kind", Customer.Kind.values)
def test_each_kind_is_created(east: Region, log_in: LogIn, kind: str) -> None:
    desk = log_in(clerk(east, "add_customer", "view_customer"))
    answer: Any = desk.post(url(), given(east, kind=kind))
    account = BillingAccount.objects.get()
    assert answer["Location"] == reverse("admin:accounts_customer_change", args=[account.customer_id])
    assert (account.customer.kind, account.customer.name, account.region) == (kind, "王家", east)
    assert account.number.startswith("H")
    contact = Contact.objects.get()
    assert (contact.value, contact.is_primary, contact.verified_at) == ("+8613800000001", True, None)
    row = AuditRow.objects.get(action="accounts.customer.opened")
    assert (row.reason, row.object_id) == ("客户到厅开户", str(account.customer_id))


def test_elsewhere_than_at_one_s_post_nobody_is_created(east: Region, west: Region, log_in: LogIn) -> None:
    desk = log_in(clerk(east, "add_customer"))
    assert desk.post(url(), given(west)).status_code == 200
    assert not Customer.objects.exists()


def test_without_the_permission_there_is_no_page(east: Region, log_in: LogIn) -> None:
    desk = log_in(clerk(east, "view_customer"))
    assert desk.get(url()).status_code == 403
    assert desk.post(url(), given(east)).status_code == 403
    assert not Customer.objects.exists()
    assert url() not in desk.get(reverse("admin:accounts_customer_changelist")).content.decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"phone": "12"},
        {"name": "<b>"},
        {"number": "8!"},
        {"number": "8100000001"},
        {"reason": ""},
        {"kind": "X"},
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_left(
    east: Region, log_in: LogIn, changes: dict[str, str]
) -> None:
    taken = Customer.objects.create(number="C0", name="李", created_at=NOON)
    BillingAccount.objects.create(number="8100000001", customer=taken, created_at=NOON)
    desk = log_in(clerk(east, "add_customer"))
    assert desk.post(url(), given(east, **changes)).status_code == 200
    assert (Customer.objects.count(), BillingAccount.objects.count()) == (1, 1)


def test_an_account_is_closed_and_opened_again_with_a_reason(east: Region, log_in: LogIn, root: User) -> None:
    account = BillingAccount.objects.create(
        number="8100000001",
        customer=Customer.objects.create(number="C0", name="李", created_at=NOON, region=east),
        region=east,
        created_at=NOON,
    )
    desk = log_in(root)
    for name, is_closed in (("close", True), ("reopen", False)):
        page = reverse("admin:accounts_billingaccount_act", args=[name]) + f"?ids={account.pk}"
        assert desk.post(page, {"reason": ""}).status_code == 200
        desk.post(page, {"reason": "客户申请"})
        account.refresh_from_db()
        assert account.is_closed == is_closed
        assert AuditRow.objects.latest("pk").action == f"accounts.billingaccount.{name}"


def test_staff_elsewhere_close_nothing(east: Region, west: Region, log_in: LogIn) -> None:
    account = BillingAccount.objects.create(
        number="8100000001",
        customer=Customer.objects.create(number="C0", name="李", created_at=NOON, region=west),
        region=west,
        created_at=NOON,
    )
    desk = log_in(clerk(east, "change_billingaccount", "view_billingaccount"))
    page = reverse("admin:accounts_billingaccount_act", args=["close"]) + f"?ids={account.pk}"
    assert desk.post(page, {"reason": "客户申请"}).status_code == 404
    account.refresh_from_db()
    assert not account.is_closed


def test_without_a_valid_certificate_nobody_is_created(east: Region, log_in: LogIn) -> None:
    user = clerk(east, "add_customer", "view_customer")
    user.certificates.update(revoked_at=NOON)
    answer = log_in(user).post(url(), given(east))
    assert answer.status_code == 200
    assert "岗位合格证" in answer.content.decode()
    assert not Customer.objects.exists()
