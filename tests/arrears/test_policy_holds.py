"""What a dispute, an exemption, a payment under way and a part payment do is what the policy says."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import BillingAccount
from arrears import policy_rules, rules
from arrears.choices import CloseReason, Hold, PartPayment, Stage
from arrears.disconnect_rules import Missing
from arrears.models import Exemption, ExemptionReason, Policy
from arrears.policy_rules import Fault
from arrears.services import disconnecting, policies
from billing.models import Bill
from core.db import violated
from notices.models import Message
from tests.arrears import build, build_cut, build_policies
from tests.arrears.build import ACTOR, after, noon
from tests.arrears.test_rules import POLICY, WARNED, S, day, owing
from tests.arrears.test_staff_policies import approve, ask, clerk, draft
from tests.billing import build as money

HELD = ((Hold.EXEMPTION, day(400)),)


@pytest.mark.parametrize(
    ("held_from", "reached"),
    [
        (S.OVERDUE, [S.REMINDED, S.OVERDUE, S.SUSPEND_WARNED]),
        (S.SUSPEND_WARNED, [S.OVERDUE, S.OVERDUE, S.SUSPEND_WARNED]),
        (S.SUSPENDED, [S.OVERDUE, S.SUSPEND_WARNED, S.SUSPEND_WARNED]),
    ],
)
def test_a_hold_stops_every_step_from_the_one_that_the_policy_names(
    held_from: Stage, reached: list[Stage]
) -> None:
    policy = replace(POLICY, held_from=held_from)
    scenes = owing(S.REMINDED, day(-3)), owing(S.OVERDUE, day(1)), WARNED
    steps = [rules.assess(replace(each, holds=HELD), policy, day(200)).stage for each in scenes]
    assert steps == reached
    told = [stage for stage in Stage if rules.holds_back(policy, stage)]
    assert told == list(Stage)[list(Stage).index(held_from) - 1 : -1]


def test_nobody_is_told_of_a_step_that_is_held_whatever_the_policy_says() -> None:
    policy = replace(POLICY, held_from=S.SUSPENDED)
    held = owing(S.SUSPEND_WARNED, day(23), holds=HELD)
    assert rules.assess(held, policy, day(30)).notices == ()


@pytest.mark.parametrize(("days", "held"), [(1, (True, False, False)), (5, (True, True, False))])
def test_a_payment_under_way_holds_for_as_many_days_as_the_policy_says(
    days: int, held: tuple[bool, ...]
) -> None:
    policy = replace(POLICY, in_flight_days=days)
    paying = replace(WARNED, holds=((Hold.IN_FLIGHT, day(200)),))
    ages = (0, 4, 5)
    found = [bool(rules.holding(replace(paying, paying_days=age), policy, day(200))) for age in ages]
    assert tuple(found) == held


def test_a_part_payment_moves_the_anchor_or_lets_the_stage_stay_until_nothing_is_late() -> None:
    stays = replace(POLICY, part_payment=PartPayment.STAGE_STAYS)
    off = owing(S.SUSPENDED, day(31), suspended_on=day(31), entered_due_on=day(0))
    for due, closes, stay_closes in (
        (day(0), None, None),  # the same bill
        (day(20), CloseReason.PAID, None),  # a later one, overdue for 20 days
        (day(39), CloseReason.PAID, None),
        (day(40), CloseReason.PAID, CloseReason.PAID),  # due today: nothing is late any more
        (day(50), CloseReason.PAID, CloseReason.PAID),
    ):
        moved = replace(off, due_on=due)
        assert rules.assess(moved, POLICY, day(40)).close == closes, due
        assert rules.assess(moved, stays, day(40)).close == stay_closes, due
    reminded = owing(S.REMINDED, day(-3), due_on=day(2), entered_due_on=day(0))
    assert rules.assess(reminded, stays, day(0)).close is None  # its own stage is reached, late or not


def exempt(of: BillingAccount, first: date) -> None:
    Exemption.objects.create(
        account=of, reason=ExemptionReason.HARDSHIP, note="x", active_from=first,
        active_to=first + timedelta(days=100), created_by="test", created_at=noon(first),
    )  # fmt: skip


def seen(**policy: Any) -> tuple[dict[int, str], int]:
    """The stages of an account that is exempt from its first overdue day on, and how often it is told what holds."""
    build_policies.instead(**policy)
    made = build.account()
    build.line(made)
    build.bill(made)
    build.one(made, after(-3))
    exempt(made, after(1))
    steps = build.days(made, after(1), after(40))
    return steps, Message.objects.filter(code="held_back").count()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("policy", "steps", "told"),
    [
        ({}, {1: "OVERDUE"}, 3),
        ({"held_from": S.OVERDUE}, {}, 3),
        ({"held_from": S.SUSPENDED}, {1: "OVERDUE", 23: "SUSPEND_WARNED"}, 3),
        ({"tells_when_held": False}, {1: "OVERDUE"}, 0),
    ],
)
def test_the_daily_pass_does_what_the_policy_says(
    policy: dict[str, Any], steps: dict[int, str], told: int
) -> None:
    assert seen(**policy) == (steps, told)


@pytest.mark.django_db
@pytest.mark.parametrize(("days", "came"), [(3, 34), (10, 41), (1, 32)])
def test_the_pass_waits_for_a_payment_as_long_as_the_policy_says(days: int, came: int) -> None:
    build_policies.instead(in_flight_days=days)
    made = build.account()
    build.bill(made)
    build.days(made, after(-3), after(30))
    money.payment(made, 100, as_of=noon(after(31)) - timedelta(hours=1))
    assert build.days(made, after(31), after(45)) == {came: "SUSPENDED"}


@pytest.mark.django_db
@pytest.mark.parametrize(("part", "is_off"), [("ANCHOR_MOVES", False), ("STAGE_STAYS", True)])
def test_service_comes_back_with_the_first_bill_or_with_all_that_is_late(part: str, is_off: bool) -> None:
    build_policies.instead(part_payment=part)
    made = build.account()
    line = build.line(made)
    build.bill(made)
    build.bill(made, 1000, due_on=after(20))
    build.days(made, after(-3), after(31))
    assert build.is_off(line)
    build.pay(made, 2600, after(32))
    build.one(made, after(32))
    assert build.is_off(line) is is_off
    build.pay(made, 100_000, after(33))
    build.one(made, after(33))
    assert not build.is_off(line)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({"in_flight_days": 1}, Missing.IN_FLIGHT),
        ({"part_payment": "STAGE_STAYS"}, Missing.NOT_OWED),
        ({"held_from": S.SUSPENDED}, Missing.EXEMPTION),
    ],
)
def test_the_law_of_the_cut_does_not_depend_on_them(policy: dict[str, Any], code: Missing) -> None:
    build_policies.instead(**policy)
    at = build_cut.ready()
    if code == Missing.IN_FLIGHT:
        money.payment(at.account, 100, as_of=noon(at.day) - timedelta(days=2))
    elif code == Missing.EXEMPTION:
        build_cut.exempt(at)
    else:
        build.bill(at.account, 500, due_on=at.day - timedelta(days=10))
        old = (
            Bill.objects.filter(account=at.account).order_by("due_on").values_list("open_cents", flat=True)[0]
        )
        build.pay(at.account, old, at.day)
    with pytest.raises(disconnecting.NotCut) as refused:
        disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    assert code in refused.value.missing


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        "arrears_policy SET held_from = 'SUSPENDED'",
        "arrears_policy SET in_flight_days = 1",
        "arrears_policy SET part_payment = 'STAGE_STAYS'",
        "arrears_policy SET tells_when_held = false",
        "arrears_policy SET promises_a_month = 9",
        "arrears_policy SET promise_days = 90",
        "arrears_policystage SET cap_per_run = 1",
    ],
)
def test_nobody_changes_a_running_policy_by_sql(change: str) -> None:
    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {change}")
    assert violated(refused.value) in ("arrears_policy_fixed", "policy_stage_append_only")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        ({"held_from": S.DISCONNECT_WARNED}, "arrears_policy_holds_in_time"),
        ({"held_from": S.REMINDED}, "arrears_policy_holds_in_time"),
        ({"in_flight_days": 0}, "arrears_policy_in_flight"),
        ({"in_flight_days": 31}, "arrears_policy_in_flight"),
    ],
)
def test_no_policy_switches_off_while_something_holds(wrong: dict[str, Any], law: str) -> None:
    assert policy_rules.faults(draft(**wrong), policies.TELLABLE) == (Fault.HELD_TOO_LATE,)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        build_policies.instead(**wrong)
    assert violated(refused.value) == law


@pytest.mark.django_db
def test_two_people_write_what_it_says_of_them_and_it_is_read_so() -> None:
    said = {
        "held_from": "SUSPENDED",
        "in_flight_days": 5,
        "part_payment": "STAGE_STAYS",
        "tells_when_held": False,
    }
    text = str(policies._describe(draft(**said).plain()))
    for part in ("从欠费停机起暂缓", "最多暂缓 5 天", "逾期账单全部缴清以前阶段不变", "暂缓时不通知客户"):
        assert part in text
    approve(ask(draft(**said), clerk()), clerk("boss"))
    row = Policy.objects.get(code="default-2")
    assert {name: getattr(row, name) for name in said} == said
    older = {name: value for name, value in draft().plain().items() if name not in said}
    assert policy_rules.from_plain(older) == draft()  # asked for before there was this
