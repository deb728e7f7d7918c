"""Rows leave when their time is over, not a day earlier, and never what is evidence of something."""

import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from billing.models import CallbackState, GatewayCallback
from billing.selectors.ledger_check import differences
from core.actor import Actor
from core.models import AuditRow, Heartbeat, OutboxRow
from hall.upkeep import purging
from hall.upkeep.policy import RULES
from notices.models import Delivery, DeliveryReceipt, DeliveryState, Message, Template
from operations.models import Channel, Slip, SlipHistory, SlipState
from tests.admin import build as hall
from tests.core.sql import session
from tests.core.test_roles import PASSWORD, app, made_roles

__all__ = ["app", "made_roles"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay_keys")]
ACTOR = Actor("test:purge")
DAY = timedelta(days=1)
DAYS = {rule.name: rule.days for rule in RULES}


def purge(as_of: datetime, **how: Any) -> dict[str, int]:
    return purging.run(as_of=as_of, actor=ACTOR, **how).counts


def slip(at: datetime, state: str = SlipState.DONE, **more: Any) -> Slip:
    made = Slip.objects.create(
        number=f"S{Slip.objects.count():010}",
        operation="bill.pay",
        operation_version=1,
        channel=Channel.WEB,
        idempotency_key=f"key-{Slip.objects.count()}",
        input_hash="x",
        started_at=at,
    )
    SlipHistory.objects.create(slip=made, to_state=SlipState.DRAFT, actor="test", at=at)
    with connection.cursor() as cursor:  # straight to its end, past the law of transitions
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE operations_slip DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE operations_slip SET state = %s, finished_at = %s WHERE id = %s",
            [state, more.get("finished_at"), made.pk],
        )
        _always_on(cursor, "operations_slip")
    return made


def _always_on(cursor: Any, table: str) -> None:
    cursor.execute(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgenabled = 'D'",
        [table],
    )
    for (name,) in cursor.fetchall():
        cursor.execute(f'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER "{name}"')


def delivery(at: datetime, state: str = DeliveryState.FAILED) -> Delivery:
    message = Message.objects.create(
        code="receipt", recipient_ref="account:1", dedupe_key=f"d-{Message.objects.count()}", created_at=at
    )
    made = Delivery.objects.create(
        message=message,
        template=Template.objects.earliest("id"),
        channel=Channel.WEB,
        address="+8613800000001",
        body="text",
        created_at=at,
        next_attempt_at=at,
    )
    if state != DeliveryState.QUEUED:
        Delivery.objects.filter(pk=made.pk).update(state=state)
    DeliveryReceipt.objects.create(
        delivery=made,
        provider="sms",
        provider_message_id=str(made.pk),
        status="ok",
        received_at=at,
        is_verified=True,
        raw=b"",
    )
    return made


def callback(at: datetime, *, verified: bool = True, dead: bool = False) -> GatewayCallback:
    made = GatewayCallback.objects.create(
        gateway="alipay",
        verdict="OK" if verified else "BAD_SIGNATURE",
        report={} if verified else None,
        body=b"raw",
        state=CallbackState.NEW if verified else CallbackState.REJECTED,
        received_at=at,
        next_attempt_at=at,
    )
    if verified:
        end = CallbackState.DEAD if dead else CallbackState.APPLIED
        GatewayCallback.objects.filter(pk=made.pk).update(state=end)
    return made


@pytest.fixture(autouse=True)
def laws_stay() -> Iterator[None]:
    """Whatever a purge did, each law is on again, always."""
    before = _laws()
    yield
    assert _laws() == before
    assert all(state == "A" for _name, state in before if not _name.startswith("RI_"))


def _laws() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1")
        return list(cursor.fetchall())


def test_a_slip_goes_after_its_days_and_not_before(as_of: datetime) -> None:
    gone = slip(as_of - DAYS["slips"] * DAY - DAY)
    stays = slip(as_of - DAYS["slips"] * DAY + timedelta(seconds=1))
    assert purge(as_of)["slips"] == 1
    assert list(Slip.objects.all()) == [stays]
    assert not SlipHistory.objects.filter(slip_id=gone.pk).exists()
    assert SlipHistory.objects.filter(slip=stays).exists()


@pytest.mark.parametrize("state", [SlipState.CONFIRMED, SlipState.IN_PROGRESS])
def test_a_slip_that_is_still_worked_on_stays(as_of: datetime, state: str) -> None:
    slip(as_of - 5000 * DAY, state)
    assert purge(as_of)["slips"] == 0


def test_a_slip_counts_from_its_end(as_of: datetime) -> None:
    slip(as_of - 5000 * DAY, finished_at=as_of - DAY)
    assert purge(as_of)["slips"] == 0


def test_a_message_goes_with_its_deliveries_and_receipts(as_of: datetime) -> None:
    delivery(as_of - DAYS["messages"] * DAY - DAY)
    stays = delivery(as_of - DAYS["messages"] * DAY + DAY)
    assert purge(as_of)["messages"] == 1
    assert list(Message.objects.all()) == [stays.message]
    assert list(Delivery.objects.all()) == [stays]
    assert DeliveryReceipt.objects.count() == 1


def test_a_message_that_still_waits_stays(as_of: datetime) -> None:
    delivery(as_of - 5000 * DAY, DeliveryState.QUEUED)
    assert purge(as_of)["messages"] == 0


def test_what_another_table_points_to_is_evidence_and_stays(as_of: datetime) -> None:
    proof, other = delivery(as_of - 5000 * DAY), delivery(as_of - 5000 * DAY)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE evidence_toy (delivery_id bigint REFERENCES notices_delivery (id))")
        cursor.execute("INSERT INTO evidence_toy VALUES (%s)", [proof.pk])
    assert purge(as_of)["messages"] == 1
    assert list(Delivery.objects.all()) == [proof]
    assert not Delivery.objects.filter(pk=other.pk).exists()


def test_callbacks_of_strangers_go_first_and_dead_ones_never(as_of: datetime) -> None:
    for days in (DAYS["strangers-callbacks"] + 1, DAYS["strangers-callbacks"] - 1):
        callback(as_of - days * DAY, verified=False)
    for days in (DAYS["callbacks"] + 1, DAYS["callbacks"] - 1):
        callback(as_of - days * DAY)
    dead = callback(as_of - 5000 * DAY, dead=True)
    counts = purge(as_of)
    assert (counts["callbacks"], counts["strangers-callbacks"]) == (1, 1)
    assert GatewayCallback.objects.filter(pk=dead.pk).exists()
    assert GatewayCallback.objects.count() == 3


def test_audit_rows_go_after_ten_years(as_of: datetime) -> None:
    for days in (DAYS["audit"] + 1, DAYS["audit"] - 1):
        AuditRow.objects.create(
            at=as_of - days * DAY, actor="user:1", action="x", object_type="t", object_id=str(days)
        )
    assert purge(as_of)["audit"] == 1
    kept = AuditRow.objects.exclude(action="hall.purged").get()
    assert kept.object_id == str(DAYS["audit"] - 1)


def test_carried_out_news_goes_after_thirty_days_and_dead_news_stays(as_of: datetime) -> None:
    old = as_of - 31 * DAY
    hall.outbox_row(OutboxRow.State.DONE, key="old", finished_at=old)
    hall.outbox_row(OutboxRow.State.DONE, key="new", finished_at=as_of - 29 * DAY)
    hall.outbox_row(OutboxRow.State.DEAD, key="dead")
    assert purge(as_of)["outbox"] == 1
    assert set(OutboxRow.objects.values_list("key", flat=True)) == {"new", "dead"}


def test_ended_log_ins_go_at_once(as_of: datetime) -> None:
    Session.objects.create(session_key="over", session_data="", expire_date=as_of - timedelta(seconds=1))
    Session.objects.create(session_key="valid", session_data="", expire_date=as_of + timedelta(seconds=1))
    assert purge(as_of)["sessions"] == 1
    assert Session.objects.get().session_key == "valid"


def test_a_whole_hall_years_later_still_balances() -> None:
    """Every rule finds rows, and nothing that the books need is among them."""
    hall.hall(3)
    later = datetime.now().astimezone() + timedelta(days=1)
    with transaction.atomic(), connection.cursor() as cursor:
        for table, column in (("operations_slip", "started_at"), ("notices_message", "created_at")):
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(f"UPDATE {table} SET {column} = {column} - interval '20 years'")
            _always_on(cursor, table)
    found = purging.due(as_of=later)
    assert purge(later) == found.counts
    assert list(differences()) == []


def test_a_dry_run_counts_and_changes_nothing(as_of: datetime) -> None:
    slip(as_of - 5000 * DAY)
    out = io.StringIO()
    call_command("purge", "--dry-run", "--json", "--rule", "slips", "--as-of", as_of.isoformat(), stdout=out)
    assert json.loads(out.getvalue()) == {"counts": {"slips": 1}, "put_off": []}
    assert Slip.objects.count() == 1
    assert not Heartbeat.objects.filter(pk=purging.JOB).exists()


def test_an_unknown_rule_is_named() -> None:
    with pytest.raises(CommandError, match="no such rule: nothing"):
        call_command("purge", "--rule", "nothing")


def test_in_chunks_and_again_after_a_stop(as_of: datetime) -> None:
    for _each in range(7):
        slip(as_of - 5000 * DAY)
    answers = iter([False, False, False, True])  # before the rule, before each chunk
    rules = [rule for rule in RULES if rule.name == "slips"]
    first = purging.run(
        rules, as_of=as_of, actor=ACTOR, chunk=3, is_asked_to_stop=lambda: next(answers, True)
    )
    assert first.counts == {"slips": 6}
    assert purge(as_of, chunk=3)["slips"] == 1
    assert purge(as_of)["slips"] == 0


def test_a_run_tells_what_it_did(as_of: datetime) -> None:
    slip(as_of - 5000 * DAY)
    purge(as_of)
    row = AuditRow.objects.get(action="hall.purged")
    assert (row.actor, row.detail["deleted"]["slips"]) == (ACTOR.ref, 1)
    assert Heartbeat.objects.get(pk=purging.JOB).detail["deleted"]["slips"] == 1


@pytest.mark.parametrize("rule", [rule.name for rule in RULES if rule.is_under_law])
def test_the_database_refuses_what_is_too_young_whatever_the_settings_say(settings: Any, rule: str) -> None:
    floor = settings.KEEP_LEAST_DAYS[rule]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT deleted FROM hall_purge(%s, now() - make_interval(days => %s), 0, 1)", [rule, floor]
        )
        assert cursor.fetchone()[0] == 0
    with pytest.raises(IntegrityError, match=f"kept for {floor} days at least"), transaction.atomic():
        _ask_for(rule, floor - 1)


def _ask_for(rule: str, days: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM hall_purge(%s, now() - make_interval(days => %s), 0, 1)", [rule, days])


def test_it_knows_no_other_table() -> None:
    with pytest.raises(Exception, match="no such rule"), transaction.atomic():
        _ask_for("billing_ledgerentry", 5000)


def test_the_app_may_purge_and_still_not_delete(app: Any) -> None:
    assert app.run("SELECT deleted FROM hall_purge('slips', now() - interval '2000 days', 0, 10)") == [(0,)]
    refusal = app.refusal("DELETE FROM operations_slip")
    assert refusal is not None
    assert refusal.code == "42501"


def test_nobody_else_may(made_roles: tuple[str, str]) -> None:
    with session(made_roles[1], PASSWORD) as readonly:
        refusal = readonly.refusal("SELECT * FROM hall_purge('slips', now() - interval '2000 days', 0, 10)")
    assert refusal is not None
    assert refusal.code == "42501"


def test_a_busy_table_is_put_off_and_nobody_waits(as_of: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    slip(as_of - 5000 * DAY)

    def no_lock(*_args: Any) -> tuple[int, int]:
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '55P03'; END $$")
        return 0, 0

    monkeypatch.setattr(purging, "_one_chunk", lambda *args: transaction.atomic(no_lock)(*args))
    found = purging.run([RULES[0]], as_of=as_of, actor=ACTOR)
    assert found.put_off == ["slips"]
    assert not Heartbeat.objects.get(pk=purging.JOB).last_ok
    assert Slip.objects.count() == 1
