"""Who was disconnected for arrears gets no new line for some months, where a rule says so; a named authority may."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Region
from arrears.models import ReinstallOverride, ReinstallRule
from arrears.services import assessing, plans, reinstalls
from catalog.models import Order, Subscription
from core import approvals, clock
from core.actor import Actor
from core.approvals import OwnRequest
from core.clock import stopped
from core.db import violated
from core.errors import HallError
from core.models import Approval, AuditRow
from tests.admin.build import staff_with
from tests.arrears import build, build_cut, build_ends, build_restore
from tests.arrears.build import ACTOR, noon
from tests.arrears.build_reinstalls import folder, signed  # noqa: F401  # a fixture
from tests.arrears.build_restore import CUT, LATER, Cut
from tests.billing import build as money
from tests.catalog.offers import build as shop
from tests.catalog.orders import build as orders

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]
TEXT = "因欠费拆机的客户，三个月内不办理新装"
BEFORE = date(2026, 1, 5)


def people(asks: str = reinstalls.ASK_RULE, decides: str = reinstalls.DECIDE_RULE) -> tuple[Actor, Actor]:
    clerk = staff_with(asks, decides, username=f"clerk-{asks[-8:]}")
    boss = staff_with(decides, username=f"boss-{asks[-8:]}")
    return Actor.user(clerk), Actor.user(boss)


def approve(approval: Approval | None, boss: Actor, as_of: datetime) -> None:
    assert approval is not None
    approvals.decide(approval_id=approval.pk, approve=True, actor=boss, reason="同意", as_of=as_of)


def rule(region: Region | None = None, **more: Any) -> ReinstallRule:
    clerk, boss = people()
    asked = reinstalls.ask_rule(
        region_id=region.pk if region else None,
        months=3,
        text=TEXT,
        active_from=more.get("active_from", date(2026, 2, 1)),
        active_to=more.get("active_to"),
        reason="省公司规定",
        actor=clerk,
        as_of=noon(BEFORE),
    )
    approve(asked.approval, boss, noon(BEFORE))
    return ReinstallRule.objects.latest("pk")


def barred(at: Cut, on: date, *offers: str) -> str:
    """The refusal's code and nothing changed; "" when it may be ordered."""
    raw = {"account": at.account.number, "offers": list(offers or ("line",))}
    before = (Order.objects.count(), Subscription.objects.count())
    try:
        orders.quoted(at.user, "package.order", raw, as_of=noon(on))
        code = ""
    except HallError as error:
        code = error.code
    assert before == (Order.objects.count(), Subscription.objects.count())
    return code


def scene() -> Cut:
    """Cut on 2026-06-04, all paid since."""
    at = build_restore.cut()
    orders.offer("line", 3000, type=shop.product_type("line"))
    build_restore.sim()
    build_restore.pay(at, date(2026, 6, 10))
    return at


def test_without_a_rule_nobody_is_kept_from_anything() -> None:
    assert barred(scene(), date(2026, 8, 20)) == ""


def test_for_its_months_no_new_line_and_no_number_and_then_again() -> None:
    rule()
    at = scene()
    assert barred(at, date(2026, 9, 4)) == "NO_REINSTALL"
    with pytest.raises(reinstalls.NoReinstall) as seen:
        orders.quoted(at.user, "number.restore", at.raw, as_of=noon(date(2026, 9, 4)))
    assert seen.value.text == f"{TEXT}（2026-09-05 起可以办理）"
    assert barred(at, date(2026, 9, 5)) == ""
    assert orders.quoted(at.user, "number.restore", at.raw, as_of=noon(date(2026, 9, 5)))


def test_the_submission_is_refused_with_its_slip() -> None:
    rule()
    at = scene()
    with pytest.raises(HallError) as seen:
        orders.done(
            at.user,
            "package.order",
            {"account": at.account.number, "offers": ["line"]},
            as_of=noon(LATER),
            digest="x",
        )
    assert seen.value.code == "NO_REINSTALL"
    assert not Order.objects.exists()


def test_what_only_adds_to_a_line_is_no_new_line() -> None:
    rule()
    at = scene()
    orders.offer("extra", 500, type=shop.product_type("value_added"))
    assert barred(at, LATER, "extra") == ""


def test_others_are_not_concerned() -> None:
    rule()
    scene()
    bob = money.user()
    theirs = Cut(bob, money.account(bob), Subscription.objects.latest("pk"))
    assert barred(theirs, date(2026, 8, 20)) == ""


def test_another_account_of_the_same_customer_is() -> None:
    rule()
    at = scene()
    second = money.account(at.user)
    second.customer = at.account.customer
    second.save(update_fields=["customer"])
    assert barred(Cut(at.user, second, at.line), date(2026, 8, 20)) == "NO_REINSTALL"


@pytest.mark.parametrize(
    ("period", "code"),
    [
        ({"active_from": CUT}, "NO_REINSTALL"),
        ({"active_from": date(2026, 6, 5)}, ""),  # it came the day after
        ({"active_to": CUT}, ""),
        ({"active_to": date(2026, 8, 21)}, "NO_REINSTALL"),
        ({"active_to": date(2026, 8, 20)}, ""),  # it is over: it keeps nobody from anything any more
    ],
)
def test_a_rule_is_dated(period: dict[str, Any], code: str) -> None:
    rule(**period)
    assert barred(scene(), date(2026, 8, 20)) == code


def test_a_rule_is_of_a_region_and_what_lies_in_it() -> None:
    city = Region.objects.create(code="RA", name="城东", level=Region.Level.CITY)
    within = Region.objects.create(code="RB", name="东街", level=Region.Level.DISTRICT, parent=city)
    other = Region.objects.create(code="RC", name="城西", level=Region.Level.CITY)
    rule(region=city)
    at = scene()
    for place, code in ((other, ""), (within, "NO_REINSTALL"), (city, "NO_REINSTALL")):
        type(at.account).objects.filter(pk=at.account.pk).update(region=place)
        assert barred(at, date(2026, 8, 20)) == code


def test_an_account_elsewhere_is_no_way_around_the_rule_of_the_place_where_he_was_cut() -> None:
    city = Region.objects.create(code="RA", name="城东", level=Region.Level.CITY)
    other = Region.objects.create(code="RC", name="城西", level=Region.Level.CITY)
    rule(region=city)
    at = scene()
    type(at.account).objects.filter(pk=at.account.pk).update(region=city)
    elsewhere = money.account()
    type(elsewhere).objects.filter(pk=elsewhere.pk).update(customer=at.account.customer, region=other)
    elsewhere.refresh_from_db()
    with pytest.raises(reinstalls.NoReinstall):
        reinstalls.refuse_barred(elsewhere, on=date(2026, 8, 20))


def test_a_named_authority_lets_one_account_off_with_another_s_consent() -> None:
    made = rule()
    at = scene()
    clerk, boss = people(reinstalls.ASK_OVERRIDE, reinstalls.DECIDE_OVERRIDE)
    asked = reinstalls.ask_override(
        account_id=at.account.pk, authority="王某，市分公司副总经理", file=signed(), reason="通知未到",
        actor=clerk, as_of=noon(LATER),
    ).approval  # fmt: skip
    assert asked is not None
    with pytest.raises(OwnRequest):
        approvals.decide(approval_id=asked.pk, approve=True, actor=clerk, reason="", as_of=noon(LATER))
    assert barred(at, LATER) == "NO_REINSTALL"
    approve(asked, boss, noon(LATER))
    row = ReinstallOverride.objects.get()
    assert (row.rule, row.authority, row.reason, row.approval) == (
        made,
        "王某，市分公司副总经理",
        "通知未到",
        asked,
    )
    assert AuditRow.objects.filter(action=f"{reinstalls.OVERRIDE}.approved").count() == 1
    assert barred(at, LATER) == ""
    assert orders.done(at.user, "number.restore", at.raw, as_of=noon(LATER)).state == "DONE"


def let_off(at: Cut, on: date) -> ReinstallOverride:
    clerk, boss = (
        Actor.user(staff_with(*rights, username=f"{name}-{on}"))
        for name, rights in (
            ("clerk", (reinstalls.ASK_OVERRIDE, reinstalls.DECIDE_OVERRIDE)),
            ("boss", (reinstalls.DECIDE_OVERRIDE,)),
        )
    )
    asked = reinstalls.ask_override(
        account_id=at.account.pk,
        authority="王某",
        file=signed(),
        reason="通知未到",
        actor=clerk,
        as_of=noon(on),
    ).approval
    approve(asked, boss, noon(on))
    return ReinstallOverride.objects.latest("pk")


def cut_again(at: Cut, due_on: date) -> date:
    """He owes once more, and another line of his is cut for it; when."""
    row = build.line(at.account)
    build.bill(at.account, due_on=due_on)
    for n in build_cut.STEPS:
        assessing.assess_one(at.account.pk, actor=ACTOR, as_of=noon(due_on + timedelta(days=n)))
        build_cut.deliver(due_on + timedelta(days=n))
    on = due_on + timedelta(days=build_cut.SUSPENDED + 61)
    plan = plans.make(plans.Wanted(numbers=(row.number,)), made_by_id=None, as_of=noon(on)).plan
    for _person in range(2):
        plans.approve(plan_id=plan.pk, user_id=build_cut.person().pk, reason="x", as_of=noon(on))
    assert [each.cut for each in plans.run(plans.Job(plan_id=plan.pk, as_of=noon(on), actor=ACTOR))] == [1]
    return on


def test_who_was_let_off_once_is_barred_when_he_is_cut_again() -> None:
    rule()
    at = scene()
    first = let_off(at, LATER)
    assert barred(at, LATER) == ""
    on = cut_again(at, LATER + timedelta(days=4))
    with pytest.raises(reinstalls.NoReinstall):
        reinstalls.refuse_barred(at.account, on=on + timedelta(days=1))
    second = let_off(at, on + timedelta(days=2))
    reinstalls.refuse_barred(at.account, on=on + timedelta(days=3))
    assert (first.account, first.rule, first.pk != second.pk) == (second.account, second.rule, True)


def test_one_consent_is_one_exception() -> None:
    rule()
    row = let_off(scene(), LATER)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        ReinstallOverride.objects.create(
            account=row.account, rule=row.rule, authority="x", document=build_ends.document(), reason="x",
            approval=row.approval, actor="x", at=noon(LATER),
        )  # fmt: skip
    assert violated(refused.value) == "reinstall_override_once"


def test_who_is_not_barred_is_not_let_off() -> None:
    at = scene()
    clerk, _boss = people(reinstalls.ASK_OVERRIDE, reinstalls.DECIDE_OVERRIDE)
    with pytest.raises(reinstalls.NotBarred):
        reinstalls.ask_override(
            account_id=at.account.pk,
            authority="王某",
            file=signed(),
            reason="x",
            actor=clerk,
            as_of=noon(LATER),
        )
    assert not Approval.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"months": 0}, {"months": 121}, {"active_from": BEFORE}, {"active_to": date(2026, 2, 1)}, {"text": " "}],
)
def test_an_unsound_rule_is_not_asked_for(wrong: dict[str, Any]) -> None:
    clerk, _boss = people()
    given: dict[str, Any] = {
        "region_id": None,
        "months": 3,
        "text": TEXT,
        "active_from": date(2026, 2, 1),
        "active_to": None,
    }
    with pytest.raises(reinstalls.BadRule):
        reinstalls.ask_rule(**(given | wrong), reason="x", actor=clerk, as_of=noon(BEFORE))
    assert not ReinstallRule.objects.exists()


def test_two_people_end_a_rule_and_nobody_changes_it() -> None:
    made = rule()
    clerk, boss = Actor(Approval.objects.get().requested_by), Actor(Approval.objects.get().decided_by)
    now = clock.now()
    ends_on = clock.local_date(now) + timedelta(days=5)
    asked = reinstalls.ask_end(rule_id=made.pk, ends_on=ends_on, reason="废止", actor=clerk, as_of=now)
    approve(asked.approval, boss, now)
    made.refresh_from_db()
    assert made.active_to == ends_on
    for changes in ({"months": 1}, {"text": "x"}, {"active_from": date(2026, 3, 1)}):
        with pytest.raises(IntegrityError) as seen, transaction.atomic():
            ReinstallRule.objects.filter(pk=made.pk).update(**changes)
        assert violated(seen.value) == "reinstall_rule_fixed"


def test_an_end_whose_day_is_over_is_refused_in_words() -> None:
    """As when its day is over before the second person decides, by the clock of the database."""
    made = rule()
    clerk, boss = Actor(Approval.objects.get().requested_by), Actor(Approval.objects.get().decided_by)
    asked = reinstalls.ask_end(
        rule_id=made.pk, ends_on=date(2026, 3, 1), reason="废止", actor=clerk, as_of=noon(date(2026, 2, 2))
    )
    with pytest.raises(reinstalls.BadRule):
        approve(asked.approval, boss, noon(date(2026, 2, 2)))
    made.refresh_from_db()
    assert made.active_to is None


def test_the_staff_pages_ask_for_both(settings: Any) -> None:
    client = Client()
    clerk = staff_with(
        reinstalls.ASK_RULE, reinstalls.ASK_OVERRIDE, "arrears.view_reinstallrule", "arrears.view_reinstalloverride"
    )  # fmt: skip
    client.force_login(clerk)
    with stopped(noon(BEFORE)):
        page = reverse("admin:arrears_reinstallrule_ask")
        assert client.get(page).status_code == 200
        client.post(page, {"months": 3, "text": TEXT, "active_from": "2026-02-01", "reason": "规定"})
        assert client.get(reverse("admin:arrears_reinstallrule_changelist")).status_code == 200
    asked = Approval.objects.get(kind=reinstalls.RULE)
    assert (asked.data["months"], asked.data["text"], asked.state) == (3, TEXT, "REQUESTED")
    approve(asked, people("arrears.view_reinstallrule")[1], noon(BEFORE))
    at = scene()
    with stopped(noon(LATER)):
        page = reverse("admin:arrears_reinstalloverride_ask")
        assert client.get(page).status_code == 200
        file = SimpleUploadedFile("批准.png", b"".join(signed()[1]))
        typed = {"account": at.account.number, "authority": "王某，副总经理", "reason": "通知未到"}
        client.post(page, typed)  # without the document
        assert not Approval.objects.filter(kind=reinstalls.OVERRIDE).exists()
        client.post(page, typed | {"document": file})
        assert client.get(reverse("admin:arrears_reinstalloverride_changelist")).status_code == 200
    assert Approval.objects.get(kind=reinstalls.OVERRIDE).data["authority"] == "王某，副总经理"
    stranger = Client()
    stranger.force_login(staff_with("arrears.view_reinstallrule", username="looker"))
    assert stranger.get(reverse("admin:arrears_reinstallrule_ask")).status_code == 403
