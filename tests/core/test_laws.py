"""Every law of every model, met with raw SQL by the owner of the tables, whom no missing right protects from it."""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pgtrigger
import pytest
from django.apps import apps
from django.db import models

from core.db import AppendOnly, Fixed, Law, NeverDelete, StartsAt, Transitions, refuse, violated
from core.statemachine import Machine
from tests.core.sql import CHECK, Session, filler, made_up, primary_key, session

pytestmark = pytest.mark.django_db

LAWS: list[tuple[Any, Any]] = pgtrigger.registered()
# The state machines whose steps are written by an import of history too; each is named with its reason.
WITHOUT_LAW: dict[str, str] = {}
# Columns that a state asks for, as raw SQL must give them together with the state.
COMPANIONS: dict[tuple[str, str], str] = {
    **{
        ("content.Article", state): ", owner_id = 1, active_until = active_from + interval '1 day'"
        for state in ("SCHEDULED", "PUBLISHED")
    },
    ("billing.Payment", "SUCCEEDED"): ", succeeded_at = now()",
    ("billing.EmailSubscription", "ACTIVE"): ", confirmed_at = now()",
    ("billing.DebitAgreement", "ACTIVE"): ", signed_at = now(), agreement_no = 'x'",
    ("arrears.Escalation", "ANSWERED"): ", answer = 'x'",
    ("arrears.Escalation", "CLOSED"): ", cause = 'OTHER', owner = 'user:1', first_handler = 'user:2'",
    ("billing.Dispute", "UPHELD"): ", closed_at = now(), answer = 'x'",
    ("billing.Dispute", "REJECTED"): ", closed_at = now(), answer = 'x'",
    ("billing.Dispute", "WITHDRAWN"): ", closed_at = now()",
    ("billing.StatementDifference", "CLEARED"): ", ended_at = now()",
    ("billing.StatementDifference", "CLOSED"): ", ended_at = now()",
    ("billing.RefundRequest", "SUCCEEDED"): ", ended_at = now(), refund_id = 1",
    **{
        ("accounts.Invitation", state): ", ended_at = now()"
        for state in ("ACCEPTED", "DECLINED", "WITHDRAWN", "EXPIRED")
    },
    **{
        ("catalog.FamilyInvitation", state): ", ended_at = now()"
        for state in ("ACCEPTED", "DECLINED", "WITHDRAWN", "EXPIRED")
    },
    ("catalog.Subscription", "TERMINATED"): ", ends_on = begins_on",
    **{("accounts.LoginClosing", state): ", ended_at = now()" for state in ("WITHDRAWN", "BLOCKED", "DONE")},
    **{("resources.Device", state): ", account_id = 1" for state in ("RESERVED", "IN_USE")},
    **{
        ("resources.Device", state): ", account_id = NULL"
        for state in ("IN_STOCK", "RETURNED", "REPAIR", "DAMAGED", "LOST")
    },
    ("resources.Command", "DONE"): ", ended_at = now()",
    ("accounts.DataExport", "READY"): ", content = 'x', purge_at = now()",
    ("accounts.DataExport", "PURGED"): ", content = NULL",
    **{
        ("billing.RefundRequest", state): ", ended_at = now()"
        for state in ("FAILED", "REJECTED", "CANCELLED")
    },
    **{
        ("operations.ServingSession", state): ", ended_at = now()"
        for state in ("ENDED", "IDLE", "LOGGED_OUT", "STOPPED")
    },
    **{
        ("core.Approval", state): ", decided_by = 'somebody', decided_at = now()"
        for state in ("APPROVED", "REJECTED", "WITHDRAWN")
    },
}

_people = count(1)


def _approvable(owner: Session, row: int) -> None:
    """A plan with its line, and two who say yes."""
    for _person in range(2):
        owner.insert(apps.get_model("arrears", "PlanApproval"), plan_id=row, user_id=next(_people))
    if owner.run("SELECT state FROM arrears_disconnectplan WHERE id = %s", [row])[0][0] == "MADE":
        owner.insert(apps.get_model("arrears", "PlanLine"), plan_id=row)


def _told(target: str) -> Callable[[Session, int], object]:
    """The history of an escalation tells of the step to that state before it is done."""

    def tell(owner: Session, row: int) -> None:
        [(state, who)] = owner.run("SELECT state, owner FROM arrears_escalation WHERE id = %s", [row])
        owner.insert(
            apps.get_model("arrears", "EscalationHistory"), escalation_id=row, from_state=state, to_state=target,
            owner="user:1" if target == "CLOSED" else who,
        )  # fmt: skip

    return tell


# Rows that a state asks for: written before the step, for the row of that key.
PREPARATIONS: dict[tuple[str, str], Callable[[Session, int], object]] = {
    ("catalog.Subscription", "TERMINATED"): lambda owner, row: owner.insert(
        apps.get_model("catalog", "Termination"), subscription_id=row
    ),
    ("arrears.DisconnectPlan", "APPROVED"): _approvable,
    **{("arrears.Escalation", state): _told(state) for state in ("OPEN", "WORKING", "ANSWERED", "CLOSED")},
}


def under(*laws: type[Law]) -> list[Any]:
    found = [(model, law) for model, law in LAWS if isinstance(law, laws)]
    return [pytest.param(model, law, id=law.name) for model, law in found]


@pytest.fixture
def owner() -> Iterator[Session]:
    with session() as opened:
        yield opened


def change(model: Any, column: str) -> str:
    return f'UPDATE "{model._meta.db_table}" SET "{column}" = %s WHERE "{primary_key(model)}" = %s'


def another_value(model: Any, column: str) -> Any:
    """One that the column of a row made by `insert` does not have."""
    field = next(f for f in model._meta.concrete_fields if f.column == column)
    return next(value for value in (made_up(field, 2), made_up(field, 3)) if value != filler(model)[column])


def refused_by(owner: Session, law: Any, sql: str, values: list[Any] | None = None) -> None:
    refusal = owner.refusal(sql, values)
    assert refusal is not None, f"{law.name} let it pass: {sql}"
    assert (refusal.code, refusal.constraint) == (CHECK, law.name)


@pytest.mark.parametrize(("model", "law"), under(Law))
def test_a_law_is_always_on_and_asks_nobody_for_leave(owner: Session, model: Any, law: Any) -> None:
    name = law.get_pgid(model)
    sql = """SELECT tgenabled, prosrc, proconfig FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
              WHERE tgname = %s AND tgrelid = %s::regclass"""
    [(enabled, source, config)] = owner.run(sql, [name, model._meta.db_table])
    assert enabled == "A"  # "A": fires whatever session_replication_role says
    assert "ignore" not in source
    assert config == ["search_path=public, pg_temp"]


@pytest.mark.parametrize(("model", "law"), under(AppendOnly))
def test_a_row_that_is_written_once_stays(owner: Session, model: Any, law: Any) -> None:
    row = owner.insert(model)
    table, key = model._meta.db_table, primary_key(model)
    refused_by(owner, law, f'DELETE FROM "{table}" WHERE "{key}" = %s', [row])
    refused_by(owner, law, f'UPDATE "{table}" SET "{key}" = "{key}" WHERE "{key}" = %s', [row])


@pytest.mark.parametrize(("model", "law"), under(NeverDelete))
def test_a_row_that_must_stay_is_not_deleted(owner: Session, model: Any, law: Any) -> None:
    row = owner.insert(model)
    refused_by(owner, law, f'DELETE FROM "{model._meta.db_table}" WHERE "{primary_key(model)}" = %s', [row])


@pytest.mark.parametrize(("model", "law"), under(Fixed))
def test_a_fixed_column_keeps_its_value(owner: Session, model: Any, law: Any) -> None:
    row = owner.insert(model)
    for column in law.columns:
        refused_by(owner, law, change(model, column), [another_value(model, column), row])
        same = (
            f'UPDATE "{model._meta.db_table}" SET "{column}" = "{column}" WHERE "{primary_key(model)}" = %s'
        )
        assert owner.refusal(same, [row]) is None


@pytest.mark.parametrize(
    "switch", ["SET pgtrigger.ignore = '{{{pgid}}}'", "SET session_replication_role = replica"]
)
@pytest.mark.parametrize(("model", "law"), under(AppendOnly))
def test_no_switch_of_the_session_turns_a_law_off(owner: Session, model: Any, law: Any, switch: str) -> None:
    row = owner.insert(model)
    owner.run(switch.format(pgid=law.get_pgid(model)))
    refused_by(owner, law, f'DELETE FROM "{model._meta.db_table}" WHERE "{primary_key(model)}" = %s', [row])


@pytest.mark.parametrize(("model", "law"), under(StartsAt))
def test_a_row_begins_where_its_machine_begins(owner: Session, model: Any, law: Any) -> None:
    for state in law.states:
        owner.run("SAVEPOINT begun")
        owner.insert(model, **{law.column: state})
        owner.run("ROLLBACK TO SAVEPOINT begun")  # the next one has the same key
    for state in law.machine.transitions.keys() - set(law.states):
        sql = f'INSERT INTO "{model._meta.db_table}" ("{law.column}") VALUES (%s)'
        refused_by(owner, law, sql, [str(state)])


def way_to(model: Any, machine: Machine, target: str) -> list[str]:
    """States from one in which a row may begin to `target`, by the shortest way."""
    begins = [law.states for of, law in LAWS if of is model and isinstance(law, StartsAt)]
    ways: deque[list[str]] = deque([state] for states in begins for state in states)
    while ways:
        way = ways.popleft()
        if way[-1] == target:
            return way
        ways.extend([*way, state] for state in machine.transitions[way[-1]] if state not in way)
    raise AssertionError(f"{machine.name}: nothing leads to {target}")


def step(model: Any, law: Any, state: str) -> str:
    companions = COMPANIONS.get((model._meta.label, state), "")
    column, key = law.column, primary_key(model)
    return f'UPDATE "{model._meta.db_table}" SET "{column}" = %s{companions} WHERE "{key}" = %s'


def prepare(owner: Session, model: Any, state: str, row: int) -> None:
    wanted = PREPARATIONS.get((model._meta.label, state))
    if wanted is not None:
        wanted(owner, row)


@pytest.mark.parametrize(("model", "law"), under(Transitions))
def test_the_database_knows_the_same_steps_as_the_machine(owner: Session, model: Any, law: Any) -> None:
    """All pairs of states. Staying where one is changes nothing and is let through."""
    for source in law.machine.transitions:
        owner.run("SAVEPOINT source")
        first, *steps = way_to(model, law.machine, source)
        row = owner.insert(model, **{law.column: first})
        for state in steps:
            prepare(owner, model, state, row)
            owner.run(step(model, law, state), [str(state), row])
        for target in law.machine.transitions:
            if target == source:
                continue
            prepare(owner, model, target, row)
            if law.machine.allows(source, target):
                assert owner.refusal(step(model, law, target), [str(target), row]) is None, (source, target)
            else:
                refused_by(owner, law, step(model, law, target), [str(target), row])
        owner.run("ROLLBACK TO SAVEPOINT source")


@pytest.mark.parametrize(("model", "law"), under(Transitions))
def test_a_state_that_the_machine_does_not_have_is_refused(owner: Session, model: Any, law: Any) -> None:
    row = owner.insert(model, **{law.column: law.machine.initial})
    refused_by(owner, law, step(model, law, "NOWHERE"), ["NOWHERE", row])


def test_every_machine_of_the_code_is_a_law_of_the_database() -> None:
    for kind in (StartsAt, Transitions):
        guarded = {law.machine.name for _, law in LAWS if isinstance(law, kind)}
        machines = {name for name, machine in Machine.registry.items() if not name.startswith("tests.")}
        assert guarded | WITHOUT_LAW.keys() == machines


def test_the_states_of_a_machine_are_the_choices_of_its_column() -> None:
    for model, law in LAWS:
        if isinstance(law, Transitions):
            field = model._meta.get_field(law.column)
            assert {value for value, _ in field.choices} == set(law.machine.transitions)
            assert field.default == law.machine.initial


def test_what_only_grows_is_under_a_law() -> None:
    """A ledger or a history without a law would be one only by good will."""
    kept = {model for model, law in LAWS if isinstance(law, AppendOnly)}
    grows = [
        model
        for model in apps.get_models()
        if model.__name__.endswith(("History", "Entry", "AuditRow")) and model._meta.app_label != "admin"
    ]
    assert grows
    assert [model._meta.label for model in grows if model not in kept] == []


def test_all_triggers_are_laws() -> None:
    assert [law.name for _, law in LAWS if not isinstance(law, Law)] == []


def test_a_sentence_may_hold_quotes_and_percent_signs(owner: Session) -> None:
    sentence = refuse("a_law", "100% of it's gone")
    refusal = owner.refusal(f"DO $$ BEGIN {sentence} END $$")
    assert refusal is not None
    assert (refusal.code, refusal.constraint) == (CHECK, "a_law")
    assert "100% of it's gone" in refusal.text


def test_models_of_the_walk_are_those_of_the_hall() -> None:
    assert {model._meta.app_label for model, _ in LAWS} <= {app.label for app in apps.get_app_configs()}
    assert all(issubclass(model, models.Model) for model, _ in LAWS)


def test_an_error_without_a_named_constraint_names_none() -> None:
    assert violated(ValueError()) == ""
