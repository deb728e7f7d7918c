"""The staff pages of plans: they open, and two people approve on them."""

import pytest
from django.test import Client
from django.urls import reverse

from arrears.models import DisconnectPlan, PlanLine, PlanState, Warrant
from arrears.services import disconnecting, plans
from tests.admin.build import staff_with, superuser
from tests.arrears import build_cut
from tests.arrears.build import ACTOR, noon
from tests.arrears.build_cut import DAY

pytestmark = pytest.mark.django_db


def test_every_page_opens() -> None:
    at = build_cut.ready()
    disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(DAY))
    client = Client()
    client.force_login(superuser())
    for model in (DisconnectPlan, PlanLine, Warrant):
        name = f"admin:arrears_{model._meta.model_name}"
        row = model._default_manager.get()
        for page in (reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk])):
            assert client.get(page).status_code == 200, page


def test_who_approves_is_led_to_the_lines() -> None:
    scene = build_cut.warned()
    plan = plans.make(plans.Wanted(), made_by_id=None, as_of=noon(DAY)).plan
    client = Client()
    client.force_login(superuser())
    page = client.get(reverse("admin:arrears_disconnectplan_change", args=[plan.pk])).content.decode()
    lines = f"{reverse('admin:arrears_planline_changelist')}?q={plan.number}"
    assert f'href="{lines}"' in page
    text = client.get(lines).content.decode()
    assert scene.row.number in text
    assert scene.account.number in text


def test_two_people_approve_on_the_page() -> None:
    build_cut.warned()
    plan = plans.make(plans.Wanted(), made_by_id=None, as_of=noon(DAY)).plan
    url = f"{reverse('admin:arrears_disconnectplan_act', args=['approve-plan'])}?ids={plan.pk}"
    states = []
    for name in ("first", "first", "second"):
        client = Client()
        rights = ("arrears.view_disconnectplan", "arrears.approve_disconnectplan")
        user = plan.approvals.filter(user__username=name).first()
        client.force_login(user.user if user else staff_with(*rights, username=name))
        client.post(url, {"reason": "已核对名单"})
        plan.refresh_from_db()
        states.append((plan.approvals.count(), plan.state))
    assert states == [(1, PlanState.MADE), (1, PlanState.MADE), (2, PlanState.APPROVED)]
