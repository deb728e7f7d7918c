"""What staff do about disputed disconnections: remedies within their rights, own region only."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Region
from arrears import evidence_files
from arrears.models import Escalation, EscalationPack, EscalationState
from arrears.selectors import escalations as reads
from core.models import AuditRow
from operations.context import Context
from operations.models import Channel
from operations.services import slips
from tests.admin import build as staff
from tests.arrears import build
from tests.arrears.test_escalations import AT, BOTH, handler, opened, ref, suspended
from tests.billing import build as money

pytestmark = pytest.mark.django_db


def test_a_handler_sees_the_remedies_that_he_has_the_right_to(client: Client) -> None:
    row = opened()
    page = reverse("admin:arrears_escalation_change", args=[row.pk])
    client.force_login(handler("one"))
    assert "准许复装" not in client.get(page).content.decode()
    rights = (
        "billing.change_bill",
        "arrears.add_writeoff",
        "arrears.add_exemption",
        "catalog.view_suspension",
    )
    client.force_login(staff.staff_with(*BOTH, *rights, "arrears.add_reinstalloverride", username="two"))
    text = client.get(page).content.decode()
    for remedy in ("调账或减免违约金", "核销欠费", "豁免停机拆机", "停机记录", "准许复装"):
        assert remedy in text


def test_staff_record_what_came_from_elsewhere_and_act_on_its_page(client: Client) -> None:
    one = handler("one")
    account = build.account()
    client.force_login(one)
    values = {
        "account": account.number,
        "source": "MEDIA",
        "reason": "记者来电",
        "line": "",
        "handler": "",
        "due_on": "",
    }
    assert client.post(reverse("admin:arrears_escalation_record"), values).status_code == 302
    row = Escalation.objects.get()
    assert (row.source, row.text) == ("MEDIA", "记者来电")
    assert AuditRow.objects.filter(action="arrears.escalation.recorded", object_id=str(row.pk)).exists()
    page = f"{reverse('admin:arrears_escalation_act', args=['take'])}?ids={row.pk}"
    assert client.post(page, {"reason": "我来处理"}).status_code == 302
    row.refresh_from_db()
    assert row.owner == ref(one).ref
    for name, args in (("desk", []), ("changelist", []), ("change", [row.pk]), ("pack", [row.pk])):
        assert client.get(reverse(f"admin:arrears_escalation_{name}", args=args)).status_code == 200, name
    history = client.get(reverse("admin:arrears_escalation_change", args=[row.pk])).content.decode()
    assert str(EscalationState.WORKING.label) in history
    assert ">WORKING<" not in history


def test_elsewhere_it_does_not_exist(client: Client) -> None:
    here, there = (
        Region.objects.create(code=code, name=code, level=Region.Level.CITY) for code in ("HERE", "THERE")
    )
    account = build.account()
    BillingAccount.objects.filter(pk=account.pk).update(region=there)
    row = opened(account)
    client.force_login(handler("one", region=here))
    values = {"account": account.number, "source": "MEDIA", "reason": "记者来电"}
    client.post(reverse("admin:arrears_escalation_record"), values)
    assert Escalation.objects.count() == 1
    assert client.get(reverse("admin:arrears_escalation_pack", args=[row.pk])).status_code in (403, 404)
    looker = staff.staff_with("arrears.view_evidenceseal", username="looker", region=here)
    client.force_login(looker)
    pack = reverse("admin:arrears_evidence_pack", args=[account.number, "json"])
    assert client.get(pack).status_code == 404
    assert not AuditRow.objects.filter(action="arrears.evidence.pack").exists()
    BillingAccount.objects.filter(pk=account.pk).update(region=here)
    answer = client.get(pack)
    assert evidence_files.file_fault(json.loads(answer.content)) is None
    assert AuditRow.objects.filter(action="arrears.evidence.pack", actor=ref(looker).ref).count() == 1
    client.force_login(staff.staff_with("billing.view_bill", username="stranger"))
    assert client.get(pack).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_whose_line_another_pays_disputes_it_for_his_own_account() -> None:
    """He neither waits for the other one nor reads his number."""
    alice = money.user()
    own, head = suspended(alice), money.account()
    line = own.paid_subscriptions.get()
    type(line).objects.filter(pk=line.pk).update(payer=head)
    raw = {"subscription": line.number, "text": "没有收到任何通知"}
    ctx = Context(user=alice, channel=Channel.WEB, as_of=AT)
    quoted = slips.quote(operation="service.dispute_disconnection", ctx=ctx, raw=raw)
    assert head.number not in str([(each.label, each.value) for each in quoted.quote.lines])
    slips.submit(
        operation="service.dispute_disconnection", ctx=ctx, raw=raw, quote_digest=quoted.digest,
        confirmation={"agreed": "yes"}, idempotency_key="a-key-of-this-test-02",
    )  # fmt: skip
    row = Escalation.objects.get()
    assert (row.account, row.subscription_id) == (own, line.pk)
    assert reads.of_customer(alice).get() == row
    assert head.number not in bytes(EscalationPack.objects.get().content).decode()
