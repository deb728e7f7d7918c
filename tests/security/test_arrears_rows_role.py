"""With the application's own rights and raw SQL: what has ended, runs, or was answered is not altered."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from accounts.models import User
from arrears.models import ArrearsCase, EscalationSource, Policy, PolicyNotice, PolicyStage, ReinstallOverride
from arrears.services import escalations
from core import clock
from core.actor import Actor
from core.db import violated
from core.models import Approval, ApprovalState, Upload
from tests.arrears import build, build_cut, test_reinstalls
from tests.arrears.build import ACTOR, after, noon
from tests.arrears.build_reinstalls import folder  # noqa: F401  # a fixture
from tests.arrears.build_restore import LATER
from tests.core.test_roles import made_roles  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db
TODAY = clock.local_date(clock.now())
POLICY = """INSERT INTO arrears_policy (code, title, customer_kind, minimum_cents, promise_days, promises_a_month,
    held_from, in_flight_days, part_payment, tells_when_held, active_from, created_at, created_by, region_id)
    SELECT 'mine', 'x', 'PERSON', 0, 0, 0, held_from, 1, part_payment, false, %s, now(), 'x', NULL
      FROM arrears_policy"""
STAGE = """INSERT INTO arrears_policystage (policy_id, stage, days, minimum_stay_days)
    SELECT id, %s, 1, 1 FROM arrears_policy WHERE code = %s"""
NOTICE = """INSERT INTO arrears_policynotice (policy_id, stage, days, template_code, needed_for, needed_proof,
    needed_days)
    SELECT id, 'OVERDUE', 9, 'bill_overdue', '', 'SENT', 1 FROM arrears_policy WHERE code = %s"""
OVERRIDE = """INSERT INTO arrears_reinstalloverride (account_id, rule_id, authority, document_id, reason, approval_id,
    actor, at) VALUES (%(account)s, %(rule)s, %(authority)s, %(document)s, 'x', %(approval)s, %(actor)s, %(at)s)"""


@pytest.fixture
def app(made_roles: tuple[str, str]) -> str:  # noqa: F811  # the fixture
    return made_roles[0]


def run(role: str, *statements: tuple[str, Any]) -> None:
    """As that role, to the end of a transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{role}"')
        for sql, values in statements:
            cursor.execute(sql, values or None)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("RESET ROLE")


def refused(role: str, *statements: tuple[str, Any]) -> str:
    """The law that refuses it."""
    with pytest.raises(IntegrityError) as found:
        run(role, *statements)
    return violated(found.value)


@pytest.fixture
def ended() -> ArrearsCase:
    account = build.account()
    build.line(account)
    build.bill(account)
    build.days(account, after(-3), after(31))
    build.pay(account, 2600, after(32))
    build.one(account, after(32))
    return ArrearsCase.objects.exclude(closed_at=None).get()


@pytest.mark.parametrize(
    "change",
    [
        "closed_at = NULL, close_reason = ''",
        "closed_at = NULL, close_reason = '', stage = 'REMINDED'",
        "closed_at = closed_at - interval '9 days'",
        "close_reason = 'WRITTEN_OFF'",
        "stage = 'REMINDED'",
        "stage_since = stage_since - 90",
        "highest_stage = 'DISCONNECTED'",
        "owed_cents = 0",
    ],
)
def test_a_case_that_has_ended_is_neither_taken_up_again_nor_rewritten(
    app: str, ended: ArrearsCase, change: str
) -> None:
    assert refused(app, (f"UPDATE arrears_arrearscase SET {change}", [])) == "arrears_case_ended_stays"
    assert (
        ArrearsCase.objects.values().get(pk=ended.pk) == ArrearsCase.objects.filter(pk=ended.pk).values()[0]
    )


@pytest.mark.parametrize(
    "change", ["number = 'x'", "opened_at = opened_at - interval '1 day'", "account_id = 0"]
)
def test_what_a_case_is_about_stays(app: str, change: str) -> None:
    account = build.account()
    build.bill(account)
    build.one(account, after(-3))
    assert refused(app, (f"UPDATE arrears_arrearscase SET {change}", [])) == "arrears_case_fixed"


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ("active_to = active_from + 1", "arrears_policy_ends_in_future"),
        (f"active_to = DATE '{TODAY}'", "arrears_policy_ends_in_future"),
        ("active_from = active_from + 1", "arrears_policy_fixed"),
        ("title = 'x'", "arrears_policy_fixed"),
        ("minimum_cents = 0", "arrears_policy_fixed"),
        ("written_in = pg_current_xact_id()::text::bigint", "arrears_policy_fixed"),
    ],
)
def test_a_policy_that_runs_ends_from_tomorrow_on_and_changes_in_nothing_else(
    app: str, change: str, law: str
) -> None:
    assert refused(app, (f"UPDATE arrears_policy SET {change}", [])) == law
    run(app, ("UPDATE arrears_policy SET active_to = %s", [TODAY + timedelta(1)]))
    run(app, ("UPDATE arrears_policy SET active_to = %s", [None]))


def test_what_has_ended_does_not_begin_to_run_again(app: str) -> None:
    Policy.objects.create(
        code="old", title="x", customer_kind="PERSON", active_from=after(-90), active_to=after(-80),
        created_at=noon(after(-90)), created_by="x",
    )  # fmt: skip
    end = ("UPDATE arrears_policy SET active_to = %s WHERE code = 'old'", [TODAY + timedelta(9)])
    assert refused(app, end) == "arrears_policy_ends_in_future"


@pytest.mark.parametrize("table", ["stage", "notice"])
def test_a_policy_that_runs_gets_no_stage_and_no_notice_and_loses_none(app: str, table: str) -> None:
    """Nor when it is touched first in the same transaction."""
    before = (
        list(PolicyStage.objects.order_by("pk").values()),
        list(PolicyNotice.objects.order_by("pk").values()),
    )
    Policy.objects.create(
        code="bare", title="x", customer_kind="PERSON", active_from=after(-9), written_in=1,
        created_at=noon(after(-9)), created_by="x",
    )  # fmt: skip
    touch = ("UPDATE arrears_policy SET active_to = %s WHERE code = 'bare'", [TODAY + timedelta(1)])
    more = (STAGE, ["OVERDUE", "bare"]) if table == "stage" else (NOTICE, ["bare"])
    assert refused(app, more) == f"policy_{table}_before_it_runs"
    assert refused(app, touch, more) == f"policy_{table}_before_it_runs"
    for sql in ("DELETE FROM arrears_policy{}", "UPDATE arrears_policy{} SET days = days + 1"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            run(app, (sql.format(table), []))
    after_all = (
        list(PolicyStage.objects.order_by("pk").values()),
        list(PolicyNotice.objects.order_by("pk").values()),
    )
    assert before == after_all


def test_a_policy_that_is_still_to_begin_gets_them(app: str) -> None:
    run(app, (POLICY, [TODAY + timedelta(1)]))
    Policy.objects.filter(code="mine")
    run(app, (STAGE, ["OVERDUE", "mine"]), (NOTICE, ["mine"]))


@pytest.fixture
def let_off(folder: None) -> ReinstallOverride:  # noqa: F811  # the fixture
    test_reinstalls.rule()
    at = test_reinstalls.scene()
    row = test_reinstalls.let_off(at, LATER)
    with connection.cursor() as cursor:  # as at the end of its own transaction
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    return row


def another(row: ReinstallOverride, **approval: Any) -> dict[str, Any]:
    """The values of a second override, with an approval like the first one's but for what is given."""
    document = Upload.objects.get(pk=row.document_id)
    document.pk, document.token, document.path = None, "again", "again"
    document.save(force_insert=True)
    asked = Approval.objects.get(pk=row.approval_id)
    end = {name: approval.pop(name, getattr(asked, name)) for name in ("state", "decided_by", "decided_at")}
    asked.pk, asked.state, asked.decided_by, asked.decided_at = None, ApprovalState.REQUESTED, "", None
    asked.data = asked.data | {"document_id": document.pk}
    for name, value in approval.items():
        setattr(asked, name, value)
    asked.save(force_insert=True)
    if end["state"] != ApprovalState.REQUESTED:
        Approval.objects.filter(pk=asked.pk).update(**end)
    return {
        "account": row.account_id, "rule": row.rule_id, "authority": row.authority, "document": document.pk,
        "approval": asked.pk, "actor": asked.requested_by, "at": end["decided_at"],
    }  # fmt: skip


def test_leave_from_a_rule_is_written_with_all_that_it_needs(app: str, let_off: ReinstallOverride) -> None:
    """The control."""
    run(app, (OVERRIDE, another(let_off)))


@pytest.mark.parametrize(
    "approval",
    [
        {"state": "REQUESTED"},
        {"state": "REJECTED"},
        {"kind": "arrears.reinstall_rule"},
        {"object_id": "0"},
        {"decided_by": "job:night"},
        {"requested_by": "import:x"},
        {"decided_at": clock.now() + timedelta(30)},
    ],
)
def test_without_two_members_of_staff_nobody_is_let_off(
    app: str, let_off: ReinstallOverride, approval: dict[str, Any]
) -> None:
    assert refused(app, (OVERRIDE, another(let_off, **approval))) == "reinstall_override_by_two"


@pytest.mark.parametrize(
    "wrong",
    [{"authority": "y"}, {"actor": "user:0"}, {"at": noon(after(0))}, {"document": None}, {"approval": None}],
)
def test_what_was_not_decided_is_not_written(
    app: str, let_off: ReinstallOverride, wrong: dict[str, Any]
) -> None:
    law = refused(app, (OVERRIDE, another(let_off) | wrong))
    assert law == (
        "" if None in wrong.values() else "reinstall_override_by_two"
    )  # a column that must be given


def test_customers_and_who_has_left_decide_nothing(app: str, let_off: ReinstallOverride) -> None:
    values = another(let_off)
    decided_by = Approval.objects.get(pk=values["approval"]).decided_by
    for change in ({"is_staff": False}, {"is_staff": True, "is_active": False}):
        User.objects.filter(pk=decided_by.removeprefix("user:")).update(**change)
        assert refused(app, (OVERRIDE, values)) == "reinstall_override_by_two"


def test_a_rule_against_reinstalling_has_two_people_and_ends_from_tomorrow_on(
    app: str, let_off: ReinstallOverride
) -> None:
    made = let_off.rule
    end = ("UPDATE arrears_reinstallrule SET active_to = %s", [made.active_from + timedelta(1)])
    assert refused(app, end) == "reinstall_rule_ends_in_future"
    sql = """INSERT INTO arrears_reinstallrule (region_id, months, text, active_from, approval_id)
        SELECT region_id, months + %s, text, active_from, approval_id FROM arrears_reinstallrule"""
    assert refused(app, (sql, [1])) == "reinstall_rule_by_two"


def test_an_escalation_has_its_days_and_its_answer(app: str) -> None:
    account = build.account()
    row = escalations.begin(
        account_id=account.pk, source=EscalationSource.MEDIA, text="x", actor=ACTOR, as_of=noon(after(40))
    )
    one = build_cut.person()
    escalations.take(escalation_id=row.pk, actor=Actor.user(one), as_of=noon(after(41)))
    escalations.answer(
        escalation_id=row.pk,
        text="已核实",
        actor=Actor.user(one),
        reason="x",
        as_of=noon(after(42)),
    )
    for change, law in (
        ("due_on = due_on + 15", "escalation_fixed"),
        ("opened_at = now()", "escalation_fixed"),
        ("state = 'WORKING'", "escalation_with_history"),
        ("state = 'OPEN'", "escalation_transitions"),
        ("answer = ''", "escalation_said_stays"),
    ):
        assert refused(app, (f"UPDATE arrears_escalation SET {change}", [])) == law, change


def test_a_line_of_a_plan_is_done_only_by_being_cut(app: str) -> None:
    """Born as done it would be; done, refused or failed it does not wait again."""
    at = build_cut.warned()
    plan = build_cut.planned(begun=False)
    insert = """INSERT INTO arrears_planline (plan_id, subscription_id, state, refusals, error)
        SELECT plan_id, subscription_id + 1, %s, refusals, '' FROM arrears_planline"""
    for state in ("DONE", "FAILED"):
        assert refused(app, (insert, [state])) == "plan_line_starts"
    assert refused(app, (insert, ["WAITING"])) == "plan_lines_as_approved"
    run(app, ("UPDATE arrears_planline SET state = 'REFUSED'", []))
    for state in ("WAITING", "DONE", "FAILED"):
        again = ("UPDATE arrears_planline SET state = %s", [state])
        assert refused(app, again) == "plan_line_transitions"
    assert (plan.lines.get().state, at.line.state) == ("REFUSED", "REFUSED")
