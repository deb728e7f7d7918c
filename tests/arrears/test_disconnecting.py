"""A line is cut when everything is proven, and by no way otherwise."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import Error, IntegrityError, connection, transaction

from accounts.models import Contact
from arrears.disconnect_rules import Missing
from arrears.models import ArrearsCase, LineState, PlanLine, PlanState, StageChange, Warrant, WarrantProof
from arrears.services import disconnecting, plans
from arrears.services.disconnecting import LAW, NotCut, missing_in
from catalog.models import Subscription, Suspension, Termination
from core.db import violated
from notices.models import Delivery, Failure, Message
from tests.arrears import build_cut
from tests.arrears.build import ACTOR, noon
from tests.arrears.build_cut import Scene
from tests.core.test_roles import made_roles  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db


@pytest.fixture
def app_role(made_roles: tuple[str, str]) -> str:  # noqa: F811  # the fixture
    return made_roles[0]


def termination(at: Scene) -> Termination:
    """As somebody would write it by himself, with a warrant that he wrote, too."""
    off = Suspension.objects.get(subscription=at.row)
    told = Message.objects.filter(code="disconnection_ahead").exclude(dedupe_key__contains="inbox").first()
    assert told is not None
    return Termination(
        subscription=at.row, reason="ARREARS", notice=told, suspension=off, actor="x", at=noon(at.day)
    )


def warrant(at: Scene) -> Warrant:
    first, second = at.plan.approvals.order_by("pk").values_list("user_id", flat=True)[:2]
    return Warrant.objects.create(
        subscription=at.row,
        suspension=Suspension.objects.get(subscription=at.row),
        case=ArrearsCase.objects.get(account=at.account),
        plan=at.plan,
        first_approver_id=first,
        second_approver_id=second,
        judged_on=at.day,
        owed_cents=1,
        actor="x",
        at=noon(at.day),
    )


def by_bulk_create(at: Scene, role: str) -> None:
    warrant(at)
    Termination.objects.bulk_create([termination(at)])


def by_create(at: Scene, role: str) -> None:
    warrant(at)
    termination(at).save(force_insert=True)


def by_raw_sql(at: Scene, role: str) -> None:
    """As the application's own role, which tries to switch the law off first."""
    warrant(at)
    row = termination(at)
    sql = """INSERT INTO catalog_termination (subscription_id, reason, notice_id, suspension_id, actor, at)
             VALUES (%s, 'ARREARS', %s, %s, 'x', %s)"""
    with connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{role}"')
        cursor.execute("SET LOCAL pgtrigger.ignore = '{catalog_termination:termination_hears_first}'")
        cursor.execute(sql, [at.row.pk, row.notice_id, row.suspension_id, row.at])


WAYS: list[Callable[[Scene, str], None]] = [by_create, by_bulk_create, by_raw_sql]


def is_untouched(at: Scene) -> bool:
    at.row.refresh_from_db()
    rows = (Termination.objects, Warrant.objects, WarrantProof.objects)
    return at.row.state == "ACTIVE" and not any(each.exists() for each in rows)


def refused_by_law(way: Callable[[Scene, str], None], at: Scene, role: str) -> tuple[Missing, ...]:
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        way(at, role)
    assert violated(refused.value) == LAW
    return missing_in(refused.value)


@pytest.mark.parametrize("code", list(build_cut.TAKEN))
def test_one_condition_taken_away_is_refused_on_every_way_with_its_code(code: Missing, app_role: str) -> None:
    at = build_cut.ready()
    line = at.line
    build_cut.TAKEN[code](at)
    with pytest.raises(NotCut) as refused:
        disconnecting.cut(line_id=line.pk, actor=ACTOR, as_of=noon(at.day))
    assert code in refused.value.missing
    assert code.value in refused.value.text
    assert str(code.label) in refused.value.text
    for way in WAYS:
        assert refused_by_law(way, at, app_role) == refused.value.missing, way
    with pytest.raises(IntegrityError), transaction.atomic():
        Subscription.objects.filter(pk=at.row.pk).update(state="TERMINATED", ends_on=at.day)
    assert is_untouched(at)
    if code != Missing.WARRANT:
        job = plans.Job(plan_id=line.plan_id, as_of=noon(at.day), actor=ACTOR)
        [counts] = plans.run(job)
        line.refresh_from_db()
        assert (counts.cut, line.state, line.refusals) == (0, "REFUSED", list(refused.value.missing))
        assert is_untouched(at)


@pytest.mark.parametrize("way", WAYS)
def test_with_everything_there_the_law_lets_it_pass(way: Any, app_role: str) -> None:
    """The control: the ways above work."""
    at = build_cut.ready()
    way(at, app_role)
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    assert Termination.objects.get().subscription_id == at.row.pk


def test_it_is_cut_with_its_warrant_and_proofs_and_the_debt_stays() -> None:
    at = build_cut.ready()
    warrant = disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    at.row.refresh_from_db()
    end = Termination.objects.get()
    assert (at.row.state, end.reason, end.suspension_id) == ("TERMINATED", "ARREARS", warrant.suspension_id)
    assert (warrant.owed_cents, warrant.judged_on, warrant.plan) == (2600, at.day, at.plan)
    refs = {f"contact:{pk}" for pk in Contact.objects.values_list("pk", flat=True)}
    assert {each.contact_ref for each in warrant.proofs.all()} == refs
    case = ArrearsCase.objects.get()
    assert (case.stage, case.highest_stage, case.closed_at) == ("DISCONNECTED", "DISCONNECTED", None)
    assert StageChange.objects.filter(to_stage="DISCONNECTED").count() == 1
    assert Message.objects.filter(code="disconnected").count() == 3  # two contacts and the inbox
    assert at.line.state == LineState.DONE


def test_cut_again_changes_nothing() -> None:
    at = build_cut.ready()
    disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    with pytest.raises(NotCut):
        disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    assert (Warrant.objects.count(), Termination.objects.count()) == (1, 1)


def test_two_lines_of_one_account_are_cut_one_after_the_other() -> None:
    at = build_cut.ready(lines=2)
    for line in PlanLine.objects.order_by("pk"):
        disconnecting.cut(line_id=line.pk, actor=ACTOR, as_of=noon(at.day))
    assert Termination.objects.count() == 2
    assert StageChange.objects.filter(to_stage="DISCONNECTED").count() == 1


def test_a_receipt_whose_signature_was_wrong_proves_nothing(app_role: str) -> None:
    at = build_cut.warned(is_verified=False)
    made = plans.make(plans.Wanted(), made_by_id=None, as_of=noon(at.day))
    assert (made.to_cut, made.refused, at.line.refusals) == (0, 1, ["NOT_DELIVERED"])


def test_a_notice_to_an_address_that_has_changed_since_proves_nothing(app_role: str) -> None:
    at = build_cut.ready()
    contact = Contact.objects.filter(account=at.account).first()
    assert contact is not None
    Contact.objects.filter(pk=contact.pk).update(value="+8613700009999")
    with pytest.raises(NotCut) as refused:
        disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    assert refused.value.missing == (Missing.NOT_DELIVERED,)
    assert refused_by_law(by_bulk_create, at, app_role) == (Missing.NOT_DELIVERED,)


def test_what_came_back_after_it_arrived_proves_nothing(app_role: str) -> None:
    at = build_cut.ready()
    Delivery.objects.filter(message__code="disconnection_ahead").update(failure=Failure.HARD)
    with pytest.raises(NotCut) as refused:
        disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    assert refused.value.missing == (Missing.NOT_DELIVERED,)
    assert refused_by_law(by_bulk_create, at, app_role) == (Missing.NOT_DELIVERED,)


def test_a_warrant_by_people_who_did_not_approve_the_plan_is_refused() -> None:
    at = build_cut.ready()
    first, second = build_cut.person(), build_cut.person()
    Warrant.objects.create(
        subscription=at.row, suspension=Suspension.objects.get(), case=ArrearsCase.objects.get(), plan=at.plan,
        first_approver=first, second_approver=second, judged_on=at.day, owed_cents=1, actor="x",
        at=noon(at.day),
    )  # fmt: skip
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Termination.objects.bulk_create([termination(at)])
    assert missing_in(refused.value) == (Missing.APPROVERS,)


def as_role(role: str, sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{role}"')
        cursor.execute(sql)


def test_the_role_of_the_application_cannot_switch_the_law_off(app_role: str) -> None:
    as_role(app_role, "SELECT 1")  # the role can be taken
    for sql in (
        "SET LOCAL session_replication_role = replica",
        "ALTER TABLE catalog_termination DISABLE TRIGGER ALL",
    ):
        with pytest.raises(Error):
            as_role(app_role, sql)


def test_a_plan_that_is_over_cuts_nothing() -> None:
    at = build_cut.ready()
    [_counts] = plans.run(plans.Job(plan_id=at.plan.pk, as_of=noon(at.day), actor=ACTOR))
    assert at.plan.state == PlanState.DONE
    with pytest.raises(plans.NotApproved):
        list(plans.run(plans.Job(plan_id=at.plan.pk, as_of=noon(at.day), actor=ACTOR)))
