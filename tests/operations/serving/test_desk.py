"""The desk at which a clerk finds his customer."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Region, User
from core.models import AuditRow
from operations.serving.models import ServingSession
from tests.operations.serving import clerks

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
DESK, BEGIN = reverse("admin:operations_serving_desk"), reverse("admin:operations_serving_begin")


@pytest.fixture
def desk(clerk: User) -> Client:
    return clerks.log_in(clerk)


def test_from_the_search_to_the_customers_first_page(desk: Client, clerk: User, here: Region) -> None:
    alice, account = clerks.customer(here)
    page = desk.get(DESK, {"q": account.number}).content.decode()
    assert "**明 · 户主" in page
    assert "138****0001" in page
    assert "13800000001" not in page
    row = AuditRow.objects.get(action="operations.serving.search")
    assert row.detail == {"found": [account.number]}
    assert alice is not None
    answer = desk.post(BEGIN, {"account": account.pk, "user": alice.pk, "reason": "客户到店"})
    assert answer.headers["Location"] == "/"
    assert "您正在为 **明 办理" in desk.get("/").content.decode()
    assert "回到客户的页面" in desk.get(DESK).content.decode()


def test_why_not_is_said(desk: Client, here: Region) -> None:
    alice, account = clerks.customer(clerks.region("B", here.parent))
    assert "没有找到" in desk.get(DESK, {"q": account.number}).content.decode()
    assert alice is not None
    for data in ({"account": account.pk, "user": alice.pk, "reason": "客户到店"}, {"account": "x"}, {}):
        answer = desk.post(BEGIN, data)
        assert answer.headers["Location"] == DESK
    page = desk.get(DESK).content.decode()
    assert "不在您的管辖区域" in page
    assert "请填写办理事由" in page
    assert not ServingSession.objects.exists()


def test_without_a_certificate_he_may_look_for_customers_and_not_begin(here: Region) -> None:
    alice, account = clerks.customer(here)
    new = clerks.clerk(here, "2000", certified=False)
    browser = clerks.log_in(new)
    page = browser.get(DESK, {"q": account.number}).content.decode()
    assert "岗位合格证" in page
    assert alice is not None
    browser.post(BEGIN, {"account": account.pk, "user": alice.pk, "reason": "客户到店"})
    assert not ServingSession.objects.exists()


def test_the_list_shows_those_of_the_own_region(desk: Client, clerk: User, here: Region) -> None:
    alice, account = clerks.customer(here)
    mine = clerks.serve(clerk, account, alice)
    there = clerks.region("B", here.parent)
    bob, other = clerks.customer(there, phone="+8613800000009")
    theirs = clerks.serve(clerks.clerk(there, "1025"), other, bob)
    page = desk.get(reverse("admin:operations_servingsession_changelist")).content.decode()
    assert account.number in page
    assert other.number not in page
    assert desk.get(reverse("admin:operations_servingsession_change", args=[mine.pk])).status_code == 200
    assert desk.get(reverse("admin:operations_servingsession_change", args=[theirs.pk])).status_code in (
        302,
        404,
    )
