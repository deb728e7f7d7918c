"""With the application's own rights and raw SQL: nobody is cut unheard, and what was said and proven stays so."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import Error, IntegrityError, connection, transaction

from accounts.models import Contact
from arrears.disconnect_rules import Missing
from arrears.services import disconnecting, evidence
from arrears.services.disconnecting import LAW, missing_in
from catalog.models import Subscription, Suspension
from core.db import violated
from tests.arrears import build_cut
from tests.arrears.build import ACTOR, noon
from tests.arrears.build_cut import Scene
from tests.core.sql import CHECK, DENIED
from tests.core.test_roles import made_roles  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db
# What would make a notice, a proof, an approval, a rule or a seal say something else than it did.
REWRITTEN = {
    "arrears_casenotice": "told_on = told_on - 30",
    "arrears_stagechange": '"on" = "on" - 90',
    "arrears_warrant": "judged_on = judged_on + 1",
    "arrears_warrantproof": "delivery_id = delivery_id + 1",
    "arrears_planapproval": "user_id = user_id + 1",
    "arrears_disconnectplan": "made_by_id = NULL, digest = 'x'",
    "arrears_evidenceseal": "digest = 'x'",
    "arrears_sealedrow": "digest = 'x'",
    "arrears_evidenceroot": "digest = 'x'",
    "arrears_policynotice": "needed_days = 0",
    "arrears_policystage": "days = 1",
    "notices_deliveryreceipt": "is_verified = true, status = 'DELIVERED'",
    "notices_message": "code = 'disconnection_ahead'",
    "catalog_suspension": "begins_on = begins_on - 90",
    "catalog_termination": "reason = 'AUTHORITY'",
}
# What any role may say to the guards that listen to it.
SWITCHED_OFF = "SET LOCAL pgtrigger.ignore = '{%s}'"
TERMINATION = """INSERT INTO catalog_termination (subscription_id, reason, notice_id, suspension_id, actor, at)
    SELECT s.subscription_id, 'ARREARS', (SELECT min(id) FROM notices_message WHERE code = 'disconnection_ahead'),
           s.id, 'x', %s FROM catalog_suspension s WHERE s.reason = 'ARREARS' AND s.ends_on IS NULL"""
WARRANT = """INSERT INTO arrears_warrant (subscription_id, suspension_id, case_id, plan_id, first_approver_id,
                                          second_approver_id, judged_on, owed_cents, actor, at)
    SELECT s.subscription_id, s.id, c.id, p.id, %s, %s, %s, 1, 'x', %s
      FROM catalog_suspension s, arrears_arrearscase c, arrears_disconnectplan p WHERE s.reason = 'ARREARS'"""


@pytest.fixture
def app(made_roles: tuple[str, str]) -> str:  # noqa: F811  # the fixture
    return made_roles[0]


@pytest.fixture
def cut_and_sealed() -> Scene:
    at = build_cut.ready()
    disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    sealed = list(evidence.run(evidence.Job(as_of=noon(at.day))))[-1]
    assert (sealed.failed, sealed.roots) == (0, 1)
    return at


def run(role: str, *statements: tuple[str, list[Any]]) -> None:
    """As that role, in one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{role}"')
        for sql, values in statements:
            cursor.execute(sql, values or None)
        cursor.execute("RESET ROLE")


def rows(table: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}" ORDER BY id')
        return list(cursor.fetchall())


def refused(role: str, *statements: tuple[str, list[Any]]) -> Error:
    with pytest.raises(Error) as found:
        run(role, *statements)
    assert getattr(found.value.__cause__, "pgcode", "") in (DENIED, CHECK), found.value
    return found.value


@pytest.mark.usefixtures("cut_and_sealed")
def test_what_was_said_proven_and_sealed_is_not_rewritten(app: str) -> None:
    for table, change in REWRITTEN.items():
        before = rows(table)
        assert before, table
        laws = SWITCHED_OFF % _laws(table)
        for sql in (
            f'UPDATE "{table}" SET {change}',
            f'DELETE FROM "{table}"',
            f'TRUNCATE "{table}" CASCADE',
        ):
            refused(app, (laws, []), (sql, []))
            assert rows(table) == before, sql


def _laws(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table]
        )
        return ",".join(f"{table}:{name},{name}" for (name,) in cursor.fetchall())


@pytest.mark.parametrize(
    "sql",
    [
        "SET LOCAL session_replication_role = replica",
        "ALTER TABLE catalog_termination DISABLE TRIGGER ALL",
        "ALTER TABLE catalog_subscription DISABLE TRIGGER USER",
        "ALTER TABLE notices_deliveryreceipt DISABLE TRIGGER ALL",
        "ALTER TABLE arrears_planapproval DISABLE TRIGGER ALL",
    ],
)
def test_no_law_is_switched_off(app: str, sql: str) -> None:
    refused(app, (sql, []))


def test_without_a_warrant_it_is_refused(app: str) -> None:
    at = build_cut.ready()
    assert _missing(app, at, (TERMINATION, [noon(at.day)])) == (Missing.WARRANT,)


@pytest.mark.parametrize("who", ["maker", "one", "others"])
def test_a_warrant_that_it_writes_by_itself_needs_those_who_approved(app: str, who: str) -> None:
    """By the maker, by one person twice, by two who were never asked."""
    at = build_cut.ready()
    first = at.plan.approvals.earliest("pk").user_id
    people: dict[str, list[Any]] = {
        "maker": [first, at.plan.made_by_id],
        "one": [first, first],
        "others": [build_cut.person().pk, build_cut.person().pk],
    }
    statement = (WARRANT, [*people[who], at.day, noon(at.day)])
    if who == "one":
        refused(app, statement)
    else:
        assert _missing(app, at, statement, (TERMINATION, [noon(at.day)])) == (Missing.APPROVERS,)
    assert is_on(at)


def _by_itself(at: Scene) -> list[Any]:
    first, second = at.plan.approvals.order_by("pk").values_list("user_id", flat=True)[:2]
    return [first, second, at.day, noon(at.day)]


@pytest.mark.parametrize("code", list(build_cut.TAKEN))
def test_each_condition_that_is_missing_is_named(app: str, code: Missing) -> None:
    """With a warrant that the same role has written."""
    at = build_cut.ready()
    values = _by_itself(at)
    suspension = Suspension.objects.get(subscription=at.row)
    build_cut.TAKEN[code](at)
    values[2:] = [at.day, noon(at.day)]
    end = TERMINATION.replace("s.ends_on IS NULL", f"s.id = {suspension.pk}")
    found = _missing(
        app, at, (SWITCHED_OFF % _laws("catalog_termination"), []), (WARRANT, values), (end, [noon(at.day)])
    )
    assert code in found
    assert is_on(at)


def forged_receipt(at: Scene) -> tuple[str, list[Any]]:
    """One whose signature nobody has checked."""
    sql = """INSERT INTO notices_deliveryreceipt (delivery_id, provider, provider_message_id, status, received_at,
                                                 is_verified, raw)
             SELECT d.id, 'sms', 'x', 'DELIVERED', %s, false, '' FROM notices_delivery d ORDER BY d.id DESC LIMIT 1"""
    return sql, [noon(at.day)]


def nothing(at: Scene) -> tuple[str, list[Any]]:
    return "SELECT 1", []


@pytest.mark.parametrize("forge", [forged_receipt, nothing])
def test_a_contact_that_never_heard_is_not_talked_away(app: str, forge: Callable[[Scene], Any]) -> None:
    at = build_cut.ready()
    Contact.objects.create(
        account=at.account, kind=Contact.Kind.PHONE, value="+8613700008888", created_at=noon(at.day)
    )
    statements = [forge(at), (WARRANT, _by_itself(at)), (TERMINATION, [noon(at.day)])]
    assert _missing(app, at, *statements) == (Missing.NOT_DELIVERED,)
    assert is_on(at)


def test_the_state_alone_is_not_written(app: str) -> None:
    at = build_cut.ready()
    sql = "UPDATE catalog_subscription SET state = 'TERMINATED', ends_on = current_date WHERE id = %s"
    refused(app, (SWITCHED_OFF % _laws("catalog_subscription"), []), (sql, [at.row.pk]))
    assert is_on(at)


def test_with_everything_there_the_same_statements_pass(app: str) -> None:
    """The control."""
    at = build_cut.ready()
    run(app, (WARRANT, _by_itself(at)), (TERMINATION, [noon(at.day)]))
    assert len(rows("catalog_termination")) == 1


def _missing(role: str, at: Scene, *statements: tuple[str, list[Any]]) -> tuple[Missing, ...]:
    with pytest.raises(IntegrityError) as found:
        run(role, *statements)
    assert violated(found.value) == LAW
    return missing_in(found.value)


def is_on(at: Scene) -> bool:
    return Subscription.objects.get(pk=at.row.pk).state == "ACTIVE" and not rows("catalog_termination")
