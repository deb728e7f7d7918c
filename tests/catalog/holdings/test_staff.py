"""What staff may do about what customers hold: with a reason, within their region, and audited."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Customer, Region, Segment, SegmentMembership, Standing, User
from catalog.choices import SuspensionReason
from catalog.holdings.services import families, subscriptions, suspensions
from catalog.models import FamilyMember, Subscription, Suspension
from core.models import AuditRow
from tests.admin.build import staff_with, superuser, viewer
from tests.admin.conftest import log_in
from tests.billing import build as money
from tests.catalog.holdings import build
from tests.catalog.holdings.build import ACTOR, TODAY, day
from tests.conftest import NOON

__all__ = ["log_in"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
HOW: Any = {"actor": ACTOR, "as_of": NOON}
LogIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT, settings.UPLOAD_SCANNER = str(tmp_path), "off"


@pytest.fixture
def account() -> BillingAccount:
    region = Region.objects.create(code="R1", name="城东", level=Region.Level.CITY)
    found = money.account()
    BillingAccount.objects.filter(pk=found.pk).update(region=region)
    Customer.objects.filter(pk=found.customer_id).update(region=region)
    found.refresh_from_db()
    return found


@pytest.fixture
def row(account: BillingAccount) -> Subscription:
    return build.held(account)


def act(client: Client, model: str, name: str, key: int, **data: Any) -> Any:
    address = f"{reverse(f'admin:{model}_act', args=[name])}?ids={key}"
    return client.post(address, {"reason": "按规定办理"} | data)


def test_staff_switch_off_and_on_for_their_reasons_and_no_others(log_in: LogIn, row: Subscription) -> None:
    client = log_in(superuser())
    act(client, "catalog_subscription", "suspend", row.pk, because="FRAUD_CHECK")
    assert row.suspensions.get().note == "按规定办理"
    audit = AuditRow.objects.get(action="catalog.subscription.suspend")
    assert (audit.object_type, audit.reason) == ("catalog.Subscription", "按规定办理")
    act(client, "catalog_subscription", "suspend", row.pk, because="ARREARS")
    assert row.suspensions.count() == 1
    act(client, "catalog_subscription", "resume", row.pk, because="FRAUD_CHECK")
    assert suspensions.is_on(row)


def test_a_wish_to_end_is_taken_back(log_in: LogIn, row: Subscription) -> None:
    slip = build.slip(row.account)
    subscriptions.set_end(number=row.number, on=day(12, 1), slip_id=slip.pk, **HOW)
    act(log_in(superuser()), "catalog_subscription", "take-back", row.pk)
    row.refresh_from_db()
    assert row.ends_on is None


def test_staff_of_another_region_find_nothing_and_change_nothing(log_in: LogIn, row: Subscription) -> None:
    elsewhere = Region.objects.create(code="R2", name="城西", level=Region.Level.CITY)
    suspensions.suspend(number=row.number, reason=SuspensionReason.STAFF, **HOW)
    client = log_in(viewer(region=elsewhere))
    for model, key in (("subscription", row.pk), ("suspension", Suspension.objects.get().pk)):
        assert client.get(reverse(f"admin:catalog_{model}_change", args=[key])).status_code == 404
    right = staff_with("catalog.change_suspension", username="other", region=elsewhere)
    assert act(log_in(right), "catalog_subscription", "resume", row.pk, because="STAFF").status_code == 404
    assert not suspensions.is_on(row)


def test_without_the_permission_it_is_refused(log_in: LogIn, row: Subscription) -> None:
    looker = staff_with("catalog.view_subscription", username="looker")
    answer = act(log_in(looker), "catalog_subscription", "suspend", row.pk, because="STAFF")
    assert answer.status_code == 403
    assert not Suspension.objects.exists()


def test_the_list_is_narrowed_to_what_is_off(log_in: LogIn, row: Subscription) -> None:
    kept = build.held()
    suspensions.suspend(number=row.number, reason=SuspensionReason.STAFF, **HOW)
    client = log_in(superuser())
    for value, shown in (("any", [row]), ("STAFF", [row]), ("ARREARS", []), ("x", [kept, row])):
        answer = client.get(reverse("admin:catalog_subscription_changelist"), {"off": value})
        assert set(answer.context["cl"].result_list) == set(shown)


def test_a_member_is_let_go_by_staff_and_the_payer_is_not(log_in: LogIn) -> None:
    payer, member = money.account(), money.account()
    build.held(payer, build.offer(family_limit=2))
    asked = families.invite(payer_id=payer.pk, account_number=member.number, **HOW)
    joined = families.accept(reference=asked.reference, slip_id=None, **HOW)
    client = log_in(superuser())
    for each in FamilyMember.objects.all():
        act(client, "catalog_familymember", "end", each.pk)
    joined.refresh_from_db()
    assert joined.active_to == joined.active_from
    assert FamilyMember.objects.get(account=payer).active_to is None


def test_a_tier_and_a_segment_are_given_and_ended(log_in: LogIn, account: BillingAccount) -> None:
    client, customer = log_in(superuser()), account.customer
    data = {"tier": "GOLD", "credit_days": "7", "priority": "1", "active_from": TODAY.isoformat()}
    act(client, "accounts_customer", "set-tier", customer.pk, **data)
    tier = Standing.objects.get()
    assert (tier.customer, tier.tier, tier.credit_days) == (customer, "GOLD", 7)
    segment = Segment.objects.create(code="KIDS", name="亲子家庭", reason="因为您家有小朋友")
    wrong = {"segment": segment.pk, "active_from": "2026-12-01", "active_to": "2026-12-01"}
    act(client, "accounts_customer", "join-segment", customer.pk, **wrong)
    assert not SegmentMembership.objects.exists()
    act(
        client, "accounts_customer", "join-segment", customer.pk, segment=segment.pk, active_from="2026-11-18"
    )
    member = SegmentMembership.objects.get()
    assert (member.segment, member.source) == (segment, "staff")
    act(client, "accounts_standing", "end", tier.pk, ends_on="2026-12-01")
    act(client, "accounts_segmentmembership", "leave", member.pk, ends_on="2026-12-01")
    tier.refresh_from_db()
    member.refresh_from_db()
    assert (tier.active_to, member.active_to) == (day(12, 1), day(12, 1))
