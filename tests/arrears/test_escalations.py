"""A disputed disconnection: fifteen days, one owner, an answer, and never closed by who had it first."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Membership, Region, User
from arrears import evidence_files
from arrears.models import (
    Escalation,
    EscalationCause,
    EscalationHistory,
    EscalationPack,
    EscalationSource,
    EscalationState,
)
from arrears.selectors import escalations as reads
from arrears.services import escalations
from billing.selectors.own_accounts import OwnAccount
from core.actor import Actor
from core.db import violated
from core.errors import HallError
from core.heartbeats import expected
from core.models import Heartbeat
from core.statemachine import IllegalTransition
from notices.models import Delivery, Message
from operations.context import Context
from operations.models import Channel, SlipState
from operations.services import slips
from tests.admin import build as staff
from tests.arrears import build
from tests.arrears.build import ACTOR, after, noon
from tests.billing import build as money

pytestmark = pytest.mark.django_db
ON = after(40)
AT = noon(ON)
BOTH = ("arrears.view_escalation", "arrears.change_escalation", "arrears.add_escalation")


def handler(name: str, *, region: Region | None = None) -> User:
    return staff.staff_with(*BOTH, username=name, region=region)


def ref(user: User) -> Actor:
    return Actor.user(user)


def suspended(owner: User | None = None) -> BillingAccount:
    account = build.account()
    if owner:
        Membership.objects.create(account=account, user=owner, role=Membership.Role.OWNER, created_at=AT)
    build.line(account)
    build.bill(account)
    build.days(account, after(-3), after(31))
    assert build.stage(account) == "SUSPENDED"
    return account


def opened(account: BillingAccount | None = None, **more: Any) -> Escalation:
    wanted: dict[str, Any] = {"source": EscalationSource.REGULATOR, "text": "没有收到通知"} | more
    return escalations.begin(account_id=(account or build.account()).pk, actor=ACTOR, as_of=AT, **wanted)


def taken(by: User) -> Escalation:
    return escalations.take(escalation_id=opened().pk, actor=ref(by), as_of=AT)


def answered(by: User) -> Escalation:
    row = taken(by)
    return escalations.answer(escalation_id=row.pk, text="已核实", actor=ref(by), reason="核实", as_of=AT)


def hand_over(row: Escalation, giver: User, receiver: User) -> Escalation:
    escalations.offer(escalation_id=row.pk, to=receiver, actor=ref(giver), reason="移交", as_of=AT)
    return escalations.accept(escalation_id=row.pk, actor=ref(receiver), as_of=AT)


def close(row: Escalation, by: User, cause: Any = EscalationCause.NOT_TOLD, days: int = 0) -> Escalation:
    at = AT + timedelta(days=days)
    return escalations.close(escalation_id=row.pk, cause=cause, actor=ref(by), reason="查清", as_of=at)


def test_it_opens_with_its_evidence_and_fifteen_days_and_the_customer_is_told() -> None:
    account = suspended()
    row = opened(account)
    assert (row.state, row.owner, row.due_on) == (EscalationState.OPEN, "", ON + timedelta(15))
    pack = json.loads(bytes(row.pack.content))
    assert evidence_files.file_fault(pack) is None
    assert row.pack.digest == pack["digest"]
    assert {"arrears_stagechange", "notices_message"} <= {each["table"] for each in pack["rows"]}
    told = Message.objects.filter(code="escalation_opened", recipient_ref=f"account:{account.number}")
    assert Delivery.objects.filter(message__in=told).count() == 3  # two contacts and the inbox


def test_a_second_one_about_the_same_waits_for_the_answer() -> None:
    account = build.account()
    first = opened(account)
    with pytest.raises(escalations.AlreadyEscalated) as refusal:
        opened(account)
    assert first.number in refusal.value.text
    assert Escalation.objects.count() == EscalationPack.objects.count() == 1


@pytest.mark.parametrize(("days", "is_taken"), [(-1, False), (0, True), (15, True), (16, False)])
def test_a_regulator_may_set_an_earlier_day_and_nobody_a_later_one(days: int, is_taken: bool) -> None:
    due_on = ON + timedelta(days)
    if is_taken:
        assert opened(due_on=due_on).due_on == due_on
        return
    with pytest.raises(escalations.BadDeadline):
        opened(due_on=due_on)
    assert not Escalation.objects.exists()


def test_one_owner_at_a_time_and_a_handover_only_when_accepted() -> None:
    one, two, three = handler("one"), handler("two"), handler("three")
    row = taken(one)
    with pytest.raises(escalations.Taken):
        escalations.take(escalation_id=row.pk, actor=ref(two), as_of=AT)
    with pytest.raises(escalations.NotOffered):
        escalations.accept(escalation_id=row.pk, actor=ref(two), as_of=AT)
    escalations.offer(escalation_id=row.pk, to=two, actor=ref(one), reason="移交", as_of=AT)
    row.refresh_from_db()
    assert (row.owner, row.offered_to) == (ref(one).ref, ref(two).ref)
    with pytest.raises(escalations.NotOffered):
        escalations.accept(escalation_id=row.pk, actor=ref(three), as_of=AT)
    with pytest.raises(escalations.NotOwner):
        escalations.answer(escalation_id=row.pk, text="好", actor=ref(two), reason="早", as_of=AT)
    row = escalations.accept(escalation_id=row.pk, actor=ref(two), as_of=AT)
    assert (row.owner, row.offered_to) == (ref(two).ref, "")
    with pytest.raises(escalations.NotOwner):
        escalations.answer(escalation_id=row.pk, text="好", actor=ref(one), reason="晚", as_of=AT)
    owners = EscalationHistory.objects.filter(escalation=row).order_by("pk").values_list("owner", flat=True)
    assert list(owners) == ["", ref(one).ref, ref(one).ref, ref(two).ref]


def test_it_is_not_handed_to_oneself_nor_to_who_may_not_have_it() -> None:
    one = handler("one")
    row = taken(one)
    for receiver in (one, staff.staff_with("billing.view_bill", username="other"), money.user()):
        with pytest.raises(escalations.BadReceiver):
            escalations.offer(escalation_id=row.pk, to=receiver, actor=ref(one), reason="移交", as_of=AT)


def test_who_had_it_first_cannot_close_it_and_neither_can_the_database_be_told_so() -> None:
    one, two = handler("one"), handler("two")
    row = answered(one)
    with pytest.raises(escalations.OriginalHandler):
        close(row, one)
    with pytest.raises(IntegrityError), transaction.atomic():
        Escalation.objects.filter(pk=row.pk).update(state="CLOSED", cause="OTHER")
    row = close(hand_over(row, one, two), two)
    assert (row.state, row.cause, row.owner) == (EscalationState.CLOSED, "NOT_TOLD", ref(two).ref)


def test_who_is_complained_about_cannot_close_it() -> None:
    one, two = handler("one"), handler("two")
    row = opened(first_handler=ref(two).ref)
    escalations.take(escalation_id=row.pk, actor=ref(one), as_of=AT)
    row = escalations.answer(escalation_id=row.pk, text="已核实", actor=ref(one), reason="核实", as_of=AT)
    row = hand_over(row, one, two)
    with pytest.raises(escalations.OriginalHandler):
        close(row, two)
    assert close(hand_over(row, two, one), one).state == EscalationState.CLOSED


def test_no_end_without_an_answer_and_a_cause() -> None:
    one, two = handler("one"), handler("two")
    row = hand_over(taken(one), one, two)
    with pytest.raises((escalations.NothingSaid, IllegalTransition)):
        close(row, two)
    with pytest.raises(escalations.NothingSaid):
        escalations.answer(escalation_id=row.pk, text=" ", actor=ref(two), reason="空", as_of=AT)
    row = escalations.answer(escalation_id=row.pk, text="已核实", actor=ref(two), reason="核实", as_of=AT)
    with pytest.raises(escalations.NothingSaid):
        close(row, two, cause="")
    row.refresh_from_db()
    assert row.state == EscalationState.ANSWERED
    assert Message.objects.filter(code="escalation_answered").count() >= 1


def test_nobody_handles_his_own() -> None:
    one = handler("one")
    row = opened(money.account(one))
    with pytest.raises(OwnAccount):
        escalations.take(escalation_id=row.pk, actor=ref(one), as_of=AT)
    row.refresh_from_db()
    assert row.owner == ""


def test_reopened_it_is_closed_and_counted_anew() -> None:
    one, two = handler("one"), handler("two")
    row = close(hand_over(answered(one), one, two), two)
    row = escalations.reopen(escalation_id=row.pk, actor=ref(two), reason="新证据", as_of=AT)
    assert (row.state, row.cause, row.closed_at) == (EscalationState.WORKING, "", None)


def test_the_causes_of_a_month_are_counted() -> None:
    one, two = handler("one"), handler("two")
    for cause, days in (
        (EscalationCause.NOT_TOLD, 0),
        (EscalationCause.NOT_TOLD, 1),
        (EscalationCause.LAWFUL, 31),
    ):
        close(hand_over(answered(one), one, two), two, cause, days)
    counted = reads.causes(Escalation.objects.all(), first=ON.replace(day=1))
    assert [(each.month.month, each.cause, each.count) for each in counted] == [
        ((AT + timedelta(31)).month, "LAWFUL", 1),
        (AT.month, "NOT_TOLD", 2),
    ]


def test_the_alarm_rings_near_the_last_day_until_it_is_answered() -> None:
    one = handler("one")
    row = taken(one)
    assert escalations.WATCH in expected()
    assert escalations.watch(as_of=AT + timedelta(11)) == 0
    assert escalations.watch(as_of=AT + timedelta(12)) == 1
    assert Heartbeat.objects.get(job=escalations.WATCH).last_ok is False
    (mine,) = reads.ages(Escalation.objects.all(), today=ON + timedelta(16))
    assert (mine["owner"], mine["count"], mine["late"], mine["soon"]) == (ref(one).ref, 1, 1, 0)
    escalations.answer(escalation_id=row.pk, text="已核实", actor=ref(one), reason="核实", as_of=AT)
    assert escalations.watch(as_of=AT + timedelta(12)) == 0
    assert Heartbeat.objects.get(job=escalations.WATCH).last_ok is True


@pytest.mark.django_db(transaction=True)
def test_the_customer_disputes_it_himself_and_nobody_else_for_him() -> None:
    alice, bob = money.user(), money.user()
    account = suspended(alice)
    line = account.paid_subscriptions.get()
    raw = {"subscription": line.number, "text": "没有收到任何通知"}
    ctx = Context(user=alice, channel=Channel.WEB, as_of=AT)
    quoted = slips.quote(operation="service.dispute_disconnection", ctx=ctx, raw=raw)
    slip = slips.submit(
        operation="service.dispute_disconnection", ctx=ctx, raw=raw, quote_digest=quoted.digest,
        confirmation={"agreed": "yes"}, idempotency_key="a-key-of-this-test-01",
    )  # fmt: skip
    row = Escalation.objects.get()
    assert (slip.state, row.slip_id, row.source) == (
        SlipState.IN_PROGRESS,
        slip.pk,
        EscalationSource.CUSTOMER,
    )
    assert (row.account, row.subscription) == (account, line)
    with pytest.raises(escalations.AlreadyEscalated):
        slips.quote(operation="service.dispute_disconnection", ctx=ctx, raw=raw)
    with pytest.raises(HallError):
        slips.quote(
            operation="service.dispute_disconnection",
            ctx=Context(user=bob, channel=Channel.WEB, as_of=AT),
            raw=raw,
        )
    one, two = handler("one"), handler("two")
    escalations.take(escalation_id=row.pk, actor=ref(one), as_of=AT)
    escalations.answer(escalation_id=row.pk, text="已核实", actor=ref(one), reason="核实", as_of=AT)
    close(hand_over(row, one, two), two)
    slip.refresh_from_db()
    assert slip.state == SlipState.DONE


def test_the_customer_reads_the_state_the_day_and_the_answer_and_a_stranger_nothing(client: Client) -> None:
    alice, bob = money.user(), money.user()
    account = suspended(alice)
    row = opened(account, subscription_id=account.paid_subscriptions.get().pk)
    page = reverse("arrears:escalations")
    client.force_login(bob)
    assert row.number not in client.get(page).content.decode()
    client.force_login(alice)
    text = client.get(page).content.decode()
    assert row.number in text
    assert f'href="{page}"' in client.get(reverse("arrears:account", args=[account.number])).content.decode()
    assert "已经超过" in text  # its last day lies in the past of today
    one = handler("wanglei")
    escalations.take(escalation_id=row.pk, actor=ref(one), as_of=AT)
    escalations.answer(
        escalation_id=row.pk, text="查明未送达，已复机", actor=ref(one), reason="核实", as_of=AT
    )
    text = client.get(page).content.decode()
    assert "查明未送达，已复机" in text
    assert ref(one).ref not in text
    assert one.username not in text
    client.logout()
    assert client.get(page).status_code == 302


def test_what_comes_back_for_the_same_account_is_seen(client: Client) -> None:
    one, two = handler("one"), handler("two")
    account = build.account()
    for _n in range(2):
        row = opened(account)
        escalations.take(escalation_id=row.pk, actor=ref(one), as_of=AT)
        escalations.answer(escalation_id=row.pk, text="已核实", actor=ref(one), reason="核实", as_of=AT)
        close(hand_over(row, one, two), two)
    close(hand_over(answered(one), one, two), two)
    (found,) = reads.repeats(Escalation.objects.all(), first=ON)
    assert (found.account, found.cause, found.count) == (account.number, "NOT_TOLD", 2)
    client.force_login(one)
    assert account.number in client.get(reverse("admin:arrears_escalation_desk")).content.decode()


def test_it_is_handed_only_to_who_works_where_the_account_lies() -> None:
    here, there = (
        Region.objects.create(code=code, name=code, level=Region.Level.CITY) for code in ("HERE", "THERE")
    )
    one, far = handler("one"), handler("far", region=there)
    row = taken(one)
    BillingAccount.objects.filter(pk=row.account_id).update(region=here)
    with pytest.raises(escalations.BadReceiver):
        escalations.offer(escalation_id=row.pk, to=far, actor=ref(one), reason="移交", as_of=AT)
    row.refresh_from_db()
    assert row.offered_to == ""


def test_no_way_around_the_service_closes_what_the_first_handler_had() -> None:
    """The database refuses it: another first handler, an owner put in afterwards, who approved the disconnection."""
    one, two, three = handler("one"), handler("two"), handler("three")
    row = answered(one)
    mine = Escalation.objects.filter(pk=row.pk)
    closed = {"state": "CLOSED", "cause": "OTHER"}
    with pytest.raises(IntegrityError, match="written once"), transaction.atomic():
        mine.update(first_handler=ref(two).ref)
    for owner in (ref(one).ref, ""):
        with pytest.raises(IntegrityError, match="somebody whose own work"), transaction.atomic():
            mine.update(owner=owner, **closed)
    assert mine.get().state == "ANSWERED"
    with pytest.raises(IntegrityError, match="with a step in its history"), transaction.atomic():
        mine.update(owner=ref(two).ref, **closed)
    assert close(hand_over(row, one, two), two).state == "CLOSED"
    with pytest.raises(IntegrityError, match="only by being reopened"), transaction.atomic():
        mine.update(owner=ref(three).ref)


@pytest.mark.parametrize("is_closed", [False, True])
@pytest.mark.parametrize(
    ("changes", "law"),
    [
        ({"state": "WORKING"}, "escalation_with_history"),
        ({"state": "WORKING", "answer": "", "cause": "", "closed_at": None}, "escalation_with_history"),
        ({"answer": "查无此事"}, "escalation_said_stays"),
        ({"due_on": ON + timedelta(30)}, "escalation_fixed"),
        ({"opened_at": AT + timedelta(1)}, "escalation_fixed"),
        ({"slip_id": None, "text": "x"}, "escalation_fixed"),
    ],
)
def test_what_was_answered_is_neither_reopened_nor_reworded_nor_given_more_time(
    is_closed: bool, changes: dict[str, Any], law: str
) -> None:
    one, two = handler("one"), handler("two")
    row = hand_over(answered(one), one, two)
    if is_closed:
        close(row, two)
    before = Escalation.objects.values().get()
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Escalation.objects.update(**changes)
    assert violated(refused.value) == law
    assert Escalation.objects.values().get() == before


@pytest.mark.parametrize("changes", [{"cause": "LAWFUL"}, {"closed_at": None}, {"owner": "user:0"}])
def test_what_is_closed_stays_as_it_is(changes: dict[str, Any]) -> None:
    one, two = handler("one"), handler("two")
    close(hand_over(answered(one), one, two), two)
    with pytest.raises(IntegrityError, match="only by being reopened"), transaction.atomic():
        Escalation.objects.update(**changes)


@pytest.mark.parametrize(
    "wrong",
    [{"due_on": ON + timedelta(16)}, {"opened_at": AT + timedelta(9999), "due_on": ON + timedelta(10000)}],
)
def test_nobody_writes_one_down_with_a_longer_time(wrong: dict[str, Any]) -> None:
    row = opened()
    row.pk, row.number = None, "SS-longer"
    for name, value in wrong.items():
        setattr(row, name, value)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        row.save(force_insert=True)
    assert violated(refused.value) == "escalation_answered_in_time"


def test_the_permissions_exist() -> None:
    names = set(
        Permission.objects.filter(content_type__app_label="arrears").values_list("codename", flat=True)
    )
    assert {each.partition(".")[2] for each in BOTH} | {"view_evidenceseal", "view_evidenceroot"} <= names
