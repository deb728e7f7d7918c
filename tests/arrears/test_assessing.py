"""One account, judged day by day."""

from datetime import timedelta

import pytest

from accounts.models import Contact
from arrears.models import ArrearsCase, CaseNotice, Exemption, StageChange
from arrears.services import assessing, promises
from catalog.choices import SuspensionReason
from catalog.holdings.services import suspensions
from core import outbox
from notices.models import Delivery, Failure, Message
from tests.arrears import build, build_cut
from tests.arrears.build import ACTOR, DUE, after, noon
from tests.catalog.holdings import build as holdings

pytestmark = pytest.mark.django_db


def codes(ref: str) -> list[str]:
    rows = Message.objects.filter(recipient_ref=f"account:{ref}").order_by("pk")
    return list(dict.fromkeys(rows.values_list("code", flat=True)))


def test_the_default_policy_takes_each_stage_on_its_day_and_tells_before() -> None:
    account = build.account()
    row = build.line(account)
    build.bill(account)
    seen = build.days(account, after(-10), after(80))
    build.one(account, after(81))
    build_cut.deliver(after(81))
    assert build.days(account, after(82), after(120)) == {}
    assert seen | {81: build.stage(account)} == {
        -3: "REMINDED",
        1: "OVERDUE",
        23: "SUSPEND_WARNED",
        31: "SUSPENDED",
        81: "DISCONNECT_WARNED",
    }
    assert build.is_off(row)
    assert codes(account.number) == [
        "bill_due_soon", "bill_overdue", "suspension_ahead", "suspension_tomorrow", "suspended",
        "disconnection_ahead", "disconnection_tomorrow",
    ]  # fmt: skip
    told = CaseNotice.objects.filter(case__account=account)
    assert told.count() == 7 * 3  # two contacts and the inbox, each notice once
    case = ArrearsCase.objects.get(account=account)
    assert (case.highest_stage, case.closed_at) == ("DISCONNECT_WARNED", None)


def test_a_notice_says_what_happens_when() -> None:
    account = build.account(phones=1)
    build.bill(account)
    build.days(account, after(-3), after(23), is_delivered=False)
    said = Message.objects.get(code="suspension_ahead", dedupe_key__contains="contact").context
    assert said["amount"] == "¥26.00"
    assert said["suspend_on"] == "2026年4月4日"
    assert said["due_on"] == "2026年3月4日"
    assert said["account_tail"] == account.number[-4:]


def test_nobody_is_suspended_whose_notice_was_not_sent_seven_days_before() -> None:
    account = build.account()
    row = build.line(account)
    build.bill(account)
    build.days(account, after(-3), after(60), is_delivered=False)
    assert build.stage(account) == "SUSPEND_WARNED"
    assert not build.is_off(row)
    build.deliver(after(60))
    assert build.days(account, after(61), after(70)) == {67: "SUSPENDED"}


def test_found_late_it_goes_one_step_a_day_and_leaves_the_same_time_after_the_warning() -> None:
    account = build.account()
    build.bill(account)
    seen = build.days(account, after(100), after(200))
    assert seen == {
        100: "REMINDED", 101: "OVERDUE", 102: "SUSPEND_WARNED", 110: "SUSPENDED", 160: "DISCONNECT_WARNED",
    }  # fmt: skip
    ahead = CaseNotice.objects.filter(rule__template_code="suspension_tomorrow").values_list(
        "told_on", flat=True
    )
    assert set(ahead) == {after(109)}


def test_paying_restores_only_what_arrears_had_stopped() -> None:
    account = build.account()
    ours, paused = build.line(account), build.line(account)
    suspensions.suspend(
        number=paused.number, reason=SuspensionReason.FRAUD_CHECK, actor=ACTOR, as_of=noon(after(1))
    )
    build.bill(account)
    build.days(account, after(-3), after(40))
    assert build.is_off(ours)
    assert build.is_off(paused)
    build.pay(account, 3000, after(40))  # with the penalty
    while outbox.dispatch(as_of=noon(after(40)) + timedelta(seconds=1)):
        pass
    assert build.stage(account) == "NONE"
    assert suspensions.is_on(ours)
    assert not build.is_off(paused)
    assert not suspensions.is_on(paused)
    case = ArrearsCase.objects.get(account=account)
    assert (case.close_reason, case.highest_stage) == ("PAID", "SUSPENDED")
    assert codes(account.number)[-1] == "restored"


def test_what_is_paid_ahead_stays_on_until_it_is_not() -> None:
    account = build.account()
    ahead = build.line(account)
    ahead.paid_until = after(45)
    ahead.save(update_fields=["paid_until"])
    build.bill(account)
    build.days(account, after(-3), after(40))
    assert build.stage(account) == "SUSPENDED"
    assert not build.is_off(ahead)
    build.run(after(44))
    assert not build.is_off(ahead)
    build.run(after(45))
    assert build.is_off(ahead)


def test_a_second_judgement_on_the_same_day_writes_nothing() -> None:
    account = build.account()
    build.line(account)
    build.bill(account)
    for n in (-3, 1, 23, 31):
        build.days(account, after(n), after(n))
        before = (StageChange.objects.count(), Message.objects.count(), CaseNotice.objects.count())
        counts = assessing.assess_one(account.pk, actor=ACTOR, as_of=noon(after(n)))
        assert vars(counts) == dict.fromkeys(vars(counts), 0)
        assert (StageChange.objects.count(), Message.objects.count(), CaseNotice.objects.count()) == before


def test_a_part_payment_moves_the_anchor_and_service_comes_back() -> None:
    account = build.account()
    row = build.line(account)
    build.bill(account)
    build.bill(account, due_on=after(30))
    build.days(account, after(-3), after(35))
    assert build.is_off(row)
    build.pay(account, 2600, after(35))
    assert build.one(account, after(35)) == "REMINDED"
    assert not build.is_off(row)
    first, second = ArrearsCase.objects.filter(account=account).order_by("pk")
    assert (first.close_reason, second.stage) == ("PAID", "REMINDED")
    assert build.days(account, after(36), after(36)) == {36: "OVERDUE"}


def test_a_contact_that_came_later_is_told_before_anything_happens_to_it() -> None:
    account = build.account(phones=1)
    build.bill(account)
    build.days(account, after(-3), after(29))
    late = Contact.objects.create(
        account=account, kind="EMAIL", value="late@example.com", created_at=noon(after(29))
    )
    seen = build.days(account, after(30), after(60))
    told = CaseNotice.objects.get(contact=late, rule__template_code="suspension_ahead")
    assert told.told_on == after(30)
    assert seen == {37: "SUSPENDED"}


def test_a_dead_address_is_replaced_by_a_letter() -> None:
    account = build.account(phones=1, address="滨江路 1 号")
    build.bill(account)
    build.days(account, after(-3), after(81) - timedelta(days=1))
    assert build.one(account, after(81)) == "DISCONNECT_WARNED"
    dead = Delivery.objects.get(message__code="disconnection_ahead", channel="SMS")
    Delivery.objects.filter(pk=dead.pk).update(state="FAILED", failure=Failure.HARD)
    build.one(account, after(82))
    letter = Delivery.objects.get(message__code="disconnection_ahead", channel="LETTER")
    assert letter.address.endswith("滨江路 1 号")
    assert CaseNotice.objects.filter(contact_ref="post").count() == 1
    build.one(account, after(83))
    assert Delivery.objects.filter(channel="LETTER").count() == 1


def test_who_has_no_contact_at_all_is_not_suspended_unheard() -> None:
    account = build.account(phones=0)
    row = build.line(account)
    build.bill(account)
    build.days(account, after(-3), after(120))
    assert build.stage(account) == "SUSPEND_WARNED"
    assert not build.is_off(row)


@pytest.mark.parametrize("stage_day", [31, 81])
def test_exempt_is_neither_suspended_nor_warned_of_disconnection(stage_day: int) -> None:

    account = build.account()
    build.bill(account)
    build.days(account, after(-3), after(stage_day - 10))
    was = build.stage(account)
    Exemption.objects.create(
        account=account, reason="HARDSHIP", note="x", active_from=after(stage_day - 9),
        active_to=after(stage_day + 5), created_by="user:1", created_at=noon(after(stage_day - 9)),
    )  # fmt: skip
    build.days(account, after(stage_day - 9), after(stage_day + 4))
    assert build.stage(account) == was
    assert "held_back" in codes(account.number)
    assert build.days(account, after(stage_day + 5), after(stage_day + 20))


def test_who_pays_in_time_is_in_no_arrears() -> None:
    account = build.account()
    build.bill(account)
    build.pay(account, 2600, DUE)
    assert build.days(account, after(1), after(40)) == {}


def test_who_has_no_line_is_told_what_is_true_and_threatened_with_nothing() -> None:
    account = build.account(phones=1)
    build.bill(account, has_line=False)
    assert build.days(account, after(-3), after(200)) == {-3: "REMINDED", 1: "OVERDUE"}
    assert codes(account.number) == ["bill_due_soon", "debt_overdue"]
    row = build.line(account)  # now there is something: with all the time that everybody has
    assert build.days(account, after(201), after(220)) == {201: "SUSPEND_WARNED", 209: "SUSPENDED"}
    assert build.is_off(row)


def test_who_has_no_line_is_told_of_no_hold_and_a_broken_promise_names_no_step() -> None:
    account = build.account(phones=1)
    build.bill(account, has_line=False)
    build.days(account, after(-3), after(2))
    slip = holdings.slip(account, at=noon(after(2)))
    made = promises.make(account_id=account.pk, slip=slip, actor=ACTOR, as_of=noon(after(2)))
    build.days(account, after(3), made.until + timedelta(days=2))
    assert codes(account.number) == ["bill_due_soon", "debt_overdue", "promise_made"]
    broken = Message.objects.filter(dedupe_key__contains="promise_broken")
    assert {each.code for each in broken} == {"debt_overdue"}
    assert broken.count() == 2
