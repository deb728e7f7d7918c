"""The staff pages of cases and of what holds them back: what they tell, and that they ask the services."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from arrears.models import ArrearsCase, Exemption, Promise, WriteOff
from billing.models import Bill
from core import clock
from core.models import Approval, AuditRow
from tests.admin import build as staff
from tests.arrears import build, build_cut
from tests.arrears.build import after, noon

pytestmark = pytest.mark.django_db


def as_staff(*permissions: str) -> Client:
    client = Client()
    client.force_login(staff.staff_with(*permissions) if permissions else staff.superuser())
    return client


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The 85th day past due, at noon."""
    monkeypatch.setattr(clock, "now", lambda: noon(after(85)))


@pytest.mark.usefixtures("today")
def test_the_page_of_a_case_tells_how_it_stands() -> None:
    at = build_cut.warned()
    case = ArrearsCase.objects.get()
    page = as_staff().get(reverse("admin:arrears_arrearscase_change", args=[case.pk])).content.decode()
    for told in (
        "拆机预警", "¥26.00", "已拆机，最早", "两人批准拆机", "已送达", "拆机预告", "停机预告", at.row.number, "没有",
        "到期",
    ):  # fmt: skip
        assert told in page, told
    assert reverse("admin:arrears_evidence_pack", args=[at.account.number, "pdf"]) in page
    assert "+8613" not in page


@pytest.mark.usefixtures("today")
def test_a_contact_without_proof_is_named() -> None:
    at = build_cut.warned()
    build_cut.another_contact(at)
    case = ArrearsCase.objects.get()
    page = as_staff().get(reverse("admin:arrears_arrearscase_change", args=[case.pk])).content.decode()
    assert "n***@example.com" in page
    assert "每个联系方式的通知都有证明并满足提前天数" in page


def test_every_page_opens() -> None:
    at = build_cut.warned()
    build_cut.exempt(at)
    build_cut.promised(at)
    client = as_staff()
    for model in (ArrearsCase, Exemption, Promise):
        name = f"admin:arrears_{model._meta.model_name}"
        row = model._default_manager.get()
        for page in (reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk])):
            answer = client.get(page)
            assert answer.status_code == 200, page
            assert "(&#x27;" not in answer.content.decode(), page  # a state as a word, not as a pair
    for name in ("exemption_grant", "writeoff_ask", "writeoff_changelist", "policy_new", "policy_changelist"):
        assert client.get(reverse(f"admin:arrears_{name}")).status_code == 200, name


@pytest.mark.usefixtures("today")
@pytest.mark.parametrize(("days", "granted"), [(30, 1), (31, 0)])
def test_an_exemption_is_asked_for_on_the_page(days: int, granted: int) -> None:
    account = build.account()
    typed = {
        "account": account.number, "why": "HARDSHIP", "active_from": "", "reason": "住院，证明 7 号",
        "active_to": (after(85) + timedelta(days=days)).isoformat(),
    }  # fmt: skip
    client = as_staff("arrears.add_exemption", "arrears.view_exemption")
    page = reverse("admin:arrears_exemption_grant")
    assert client.post(page, typed | {"account": "0"}).status_code == 200
    assert client.post(page, typed | {"active_to": after(85).isoformat()}).status_code == 200
    assert not Exemption.objects.exists()
    assert client.post(page, typed).status_code == 302
    assert (Exemption.objects.count(), Approval.objects.count()) == (granted, 1 - granted)
    assert client.post(page, typed).status_code in (200, 302)


@pytest.mark.usefixtures("today")
def test_an_exemption_is_asked_for_from_the_case_and_ended_early() -> None:
    at = build_cut.warned()
    case = ArrearsCase.objects.get()
    client = as_staff("arrears.add_exemption", "arrears.view_arrearscase", "arrears.view_exemption")
    page = f"{reverse('admin:arrears_arrearscase_act', args=['exempt'])}?ids={case.pk}"
    typed = {"why": "DISASTER", "active_to": after(100).isoformat(), "reason": "洪水"}
    assert client.post(page, typed).status_code == 302
    row = Exemption.objects.get(account=at.account)
    assert (row.active_from, row.active_to, row.note) == (after(85), after(100), "洪水")
    end = f"{reverse('admin:arrears_exemption_act', args=['end-exemption'])}?ids={row.pk}"
    assert client.post(end, {"reason": "水退了"}).status_code == 302
    row.refresh_from_db()
    assert row.active_to == after(86)
    assert AuditRow.objects.filter(action="arrears.exemption.end-exemption", reason="水退了").count() == 1


@pytest.mark.usefixtures("today")
def test_a_write_off_is_asked_for_on_the_page_and_never_done_alone() -> None:
    at = build_cut.warned()
    bill = Bill.objects.get()
    client = as_staff("arrears.add_writeoff", "arrears.view_writeoff", "arrears.approve_writeoff")
    page = reverse("admin:arrears_writeoff_ask")
    assert bill.number in client.get(page, {"account": at.account.number}).content.decode()
    assert client.post(page, {"bill": "nothing", "reason": "查无此人"}).status_code == 200
    assert not Approval.objects.exists()
    assert client.post(page, {"bill": bill.number, "reason": "查无此人"}).status_code == 302
    asked = Approval.objects.get()
    assert (asked.kind, asked.amount_cents, asked.object_id) == ("arrears.write_off", 2600, str(bill.pk))
    desk = reverse("admin:core_approval_desk")
    client.post(desk, {"approval": asked.pk, "decision": "approve", "reason": "属实"})
    assert not WriteOff.objects.exists()


def test_who_may_not_ask_is_refused() -> None:
    client = as_staff("arrears.view_exemption", "arrears.view_writeoff", "arrears.view_policy")
    for name in ("exemption_grant", "writeoff_ask", "policy_new"):
        assert client.get(reverse(f"admin:arrears_{name}")).status_code == 403
    for name in ("exemption", "writeoff", "policy"):
        page = client.get(reverse(f"admin:arrears_{name}_changelist"))
        assert page.status_code == 200
        assert page.context["page_links"] == []
