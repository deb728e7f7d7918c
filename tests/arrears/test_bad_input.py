"""Border days in local time, receipts that lie, policies that change, and clocks that go backwards."""

import json
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from accounts.models import BillingAccount, Contact
from accounts.services import accounts
from arrears.choices import Stage, Wait
from arrears.disconnect_rules import Missing
from arrears.models import ArrearsCase, CaseNotice, Policy, PolicyNotice, PolicyStage, StageChange
from arrears.rule_facts import Next
from arrears.selectors import facts as facts_reads
from arrears.selectors import policies
from arrears.services import assessing, disconnecting
from arrears.services.disconnecting import NotCut
from billing.models import PaymentState
from billing.services.money import credits
from billing.services.payments import payments
from catalog.models import Suspension, Termination
from core import outbox
from core.clock import SHANGHAI
from notices.models import Delivery, DeliveryReceipt, Failure, Message
from notices.providers import signature
from notices.services import letters as posting
from notices.services import receipts
from notices.services.receipts import Verdict
from tests.arrears import build, build_cut, build_policies
from tests.arrears.build import ACTOR, after, noon
from tests.billing import build as money

pytestmark = pytest.mark.django_db
FIRST, LAST = (
    time(0, 1),
    time(23, 59),
)  # minutes of a day in Shanghai; in UTC they lie on the day before, and on it


def at(on: date, clock: time) -> datetime:
    return datetime.combine(on, clock, tzinfo=SHANGHAI)


def judged(of: BillingAccount, moment: datetime) -> str:
    assessing.assess_one(of.pk, actor=ACTOR, as_of=moment)
    return build.stage(of)


def next_of(of: BillingAccount, on: date) -> Next:
    [found] = assessing.judge(facts_reads.of([of.pk], as_of=noon(on)).values(), policies.book(on), on)
    assert found.decision.next is not None
    return found.decision.next


def test_a_day_is_a_day_in_shanghai_at_the_suspension() -> None:
    account = build.account()
    row = build.line(account)
    build.bill(account)
    build.days(account, after(-3), after(29))
    assert judged(account, at(after(30), LAST)) == "SUSPEND_WARNED"
    assert not build.is_off(row)
    assert judged(account, at(after(31), FIRST)) == "SUSPENDED"
    assert Suspension.objects.get(subscription=row).begins_on == after(31)


@pytest.mark.parametrize(
    ("past", "clock", "is_cut"), [(59, LAST, False), (60, FIRST, False), (60, LAST, False), (61, FIRST, True)]
)
def test_a_day_is_a_day_in_shanghai_at_the_disconnection(past: int, clock: time, is_cut: bool) -> None:
    scene = build_cut.ready()
    moment = at(after(build_cut.SUSPENDED + past), clock)
    if is_cut:
        disconnecting.cut(line_id=scene.line.pk, actor=ACTOR, as_of=moment)
    else:
        with pytest.raises(NotCut) as refused:
            disconnecting.cut(line_id=scene.line.pk, actor=ACTOR, as_of=moment)
        assert refused.value.missing == (Missing.TOO_EARLY,)
    assert Termination.objects.exists() is is_cut


@pytest.mark.parametrize(
    ("due_on", "off_on"),
    [
        (date(2024, 2, 28), date(2024, 3, 30)),
        (date(2023, 2, 28), date(2023, 3, 31)),
        (date(2025, 12, 15), date(2026, 1, 15)),
    ],
)
def test_leap_days_and_the_end_of_a_year_are_days(due_on: date, off_on: date) -> None:
    account = build.account()
    build.bill(account, due_on=due_on)
    seen, on = "", due_on - timedelta(3)
    while on <= off_on and seen != "SUSPENDED":
        seen = build.one(account, on)
        build.deliver(on)
        on += timedelta(1)
    assert StageChange.objects.get(to_stage="SUSPENDED").on == off_on


# Receipts


def warned() -> tuple[BillingAccount, Delivery]:
    """Warned of the disconnection on day 81; the notice is with the gateway."""
    account = build.account(phones=1)
    build.bill(account)
    build.days(account, after(-3), after(80))
    build.one(account, after(81))
    row = Delivery.objects.get(message__code="disconnection_ahead", channel="SMS")
    Delivery.objects.filter(pk=row.pk).update(
        state="SENT", provider="sms", provider_message_id="SMS1", sent_at=noon(after(81))
    )
    row.refresh_from_db()
    return account, row


def say(
    row: Delivery, on: date, *, status: str = "DELIVERED", secret: str = "s3cret", **more: str
) -> Verdict:
    fields = {
        "provider_message_id": "SMS1",
        "message_id": row.reference,
        "status": status,
        "at": "",
        "error": "",
    }
    raw = json.dumps(fields | more).encode()
    return receipts.take(raw=raw, given_signature=signature.of(raw, secret), as_of=noon(on))


@pytest.fixture(autouse=True)
def secret(settings: Any) -> None:
    settings.SMS_GATEWAY_SECRET = "s3cret"


def proven(of: BillingAccount, on: date) -> date | None:
    """Since when the facts take the last warning as delivered."""
    told = facts_reads.of([of.pk], as_of=noon(on))[of.pk].facts.told
    return next(
        each.delivered_on for each in told if each.code == "disconnection_ahead" and each.ref != "inbox"
    )


def test_a_receipt_counts_from_the_day_on_which_it_came_and_once() -> None:
    account, row = warned()
    assert next_of(account, after(90)).waits == (Wait.DAY, Wait.NOTICE, Wait.PROOF, Wait.APPROVAL)
    assert say(row, after(95)) is Verdict.TAKEN
    assert say(row, after(99)) is Verdict.TAKEN
    assert proven(account, after(99)) == after(95)
    assert DeliveryReceipt.objects.filter(delivery=row).count() == 1
    build.days(account, after(96), after(100), is_delivered=False)
    assert next_of(account, after(100)).day == after(102)


@pytest.mark.parametrize("how", ["forged", "unknown", "failed", "came back", "by nobody"])
def test_what_is_no_receipt_of_this_notice_proves_nothing(how: str) -> None:
    account, row = warned()
    if how == "forged":
        assert say(row, after(82), secret="guess") is Verdict.FORGED
    elif how == "unknown":
        assert say(row, after(82), provider_message_id="SMS9", message_id="9999999-x") is Verdict.UNKNOWN
    elif how == "failed":
        say(row, after(82), status="FAILED")
    elif how == "came back":  # as a letter does, or a mail that bounces later
        say(row, after(82))
        Delivery.objects.filter(pk=row.pk).update(failure=Failure.HARD)
    else:
        Delivery.objects.filter(pk=row.pk).update(state="DELIVERED", delivered_at=noon(after(82)))
    assert proven(account, after(90)) is None
    assert {Wait.PROOF, Wait.NOBODY} & set(next_of(account, after(100)).waits)
    assert build.stage(account) == "DISCONNECT_WARNED"


def test_an_address_that_changed_between_notice_and_receipt_was_not_told() -> None:
    account, row = warned()
    Contact.objects.filter(account=account).update(value="+8613700000000")
    say(row, after(82))
    assert proven(account, after(90)) is None
    assert Wait.PROOF in next_of(account, after(100)).waits


def test_a_contact_that_took_the_place_of_another_is_told_anew() -> None:
    account, row = warned()
    say(row, after(82))
    Contact.objects.filter(account=account).delete()
    new = Contact.objects.create(
        account=account, kind="PHONE", value="+8613700000001", is_primary=True, created_at=noon(after(83))
    )
    assert Wait.PROOF in next_of(account, after(83)).waits
    build.one(account, after(84))
    assert CaseNotice.objects.get(contact=new, rule__template_code="disconnection_ahead").told_on == after(84)


# Nobody there


@pytest.mark.parametrize("address", ["", "滨江路 1 号"])
def test_who_has_only_dead_contacts_is_told_by_letter_or_left_for_a_person(address: str) -> None:
    account = build.account(phones=1, address=address)
    row = build.line(account)
    build.bill(account)
    build.days(account, after(-3), after(22))
    build.one(account, after(23))
    build.deliver(after(23), state="SENT")
    for each in Delivery.objects.filter(message__code="suspension_ahead", channel="SMS"):
        Delivery.objects.filter(pk=each.pk).update(state="FAILED", failure=Failure.HARD)
    build.days(account, after(24), after(60), is_delivered=False)
    assert not build.is_off(row)
    letters = Delivery.objects.filter(channel="LETTER", message__code="suspension_ahead")
    assert letters.count() == (1 if address else 0)
    assert next_of(account, after(60)).waits == (
        (Wait.DAY, Wait.NOTICE, Wait.PROOF) if address else (Wait.DAY, Wait.NOTICE, Wait.NOBODY)
    )
    if address:  # printed is not posted: what counts is the day on which it counts as delivered
        posting.print_list(sight=lambda rows: rows, region_ref="", actor=ACTOR, as_of=noon(after(60)))
        assert build.days(account, after(61), after(75), is_delivered=False) == {}
        [letter] = letters
        posting.returned(delivery_id=letter.pk, reason="查无此人", actor=ACTOR, as_of=noon(after(76)))
        assert next_of(account, after(76)).waits == (Wait.DAY, Wait.NOTICE, Wait.NOBODY)


# Policies


def policy(*stages: tuple[Stage, int], begins: date) -> Policy:
    """Another policy from that day on, everywhere."""
    build_policies.law_of_ends_off()
    Policy.objects.filter(active_to=None).update(active_to=begins)
    made = Policy.objects.create(
        code=f"new-{begins}", title="新", active_from=begins, created_at=noon(begins), created_by="user:1"
    )
    PolicyStage.objects.bulk_create(PolicyStage(policy=made, stage=stage, days=n) for stage, n in stages)
    return made


def test_a_policy_that_names_fewer_stages_takes_nothing_back_and_goes_no_further() -> None:
    account = build.account()
    row = build.line(account)
    build.bill(account)
    build.days(account, after(-3), after(35))
    policy((Stage.REMINDED, -3), (Stage.OVERDUE, 1), begins=after(36))
    assert build.days(account, after(36), after(150)) == {}
    assert (build.stage(account), build.is_off(row)) == ("SUSPENDED", True)
    build.pay(account, 5000, after(150))
    assert build.one(account, after(150)) == "NONE"
    assert not build.is_off(row)


def test_a_policy_that_begins_in_the_middle_counts_what_was_told_before() -> None:
    account = build.account()
    build.bill(account)
    build.days(account, after(-3), after(30))
    old = Policy.objects.get()
    made = policy(
        (Stage.REMINDED, -3),
        (Stage.OVERDUE, 1),
        (Stage.SUSPEND_WARNED, 23),
        (Stage.SUSPENDED, 40),
        begins=after(31),
    )
    PolicyNotice.objects.bulk_create(
        PolicyNotice(
            policy=made, stage=each.stage, days=each.days, template_code=each.template_code,
            needed_for=each.needed_for, needed_proof=each.needed_proof, needed_days=each.needed_days,
        )
        for each in old.notices.filter(stage=Stage.SUSPEND_WARNED)
    )  # fmt: skip
    before = Message.objects.filter(code="suspension_ahead").count()
    assert build.days(account, after(31), after(45)) == {40: "SUSPENDED"}
    assert ArrearsCase.objects.get().policy == made
    assert (
        Message.objects.filter(code="suspension_ahead", dedupe_key__contains="contact").count() == before - 1
    )


def test_where_no_policy_holds_any_more_a_case_goes_by_the_one_it_began_with() -> None:
    account, fresh = build.account(), build.account()
    build.bill(account)
    build.days(account, after(-3), after(10))
    build_policies.law_of_ends_off()
    Policy.objects.update(active_to=after(11))
    build.bill(fresh, due_on=after(12))
    assert build.days(account, after(11), after(31)) == {23: "SUSPEND_WARNED", 31: "SUSPENDED"}
    assert build.days(fresh, after(11), after(31)) == {}


# Money


@pytest.mark.parametrize("n", [-1, 5, 25, 40, 85])
def test_a_part_payment_leaves_the_stage_as_it_is(n: int) -> None:
    account = build.account()
    build.bill(account)
    build.days(account, after(-3), after(n))
    was = build.stage(account)
    build.pay(account, 1000, after(n))
    assert build.one(account, after(n)) == was
    assert ArrearsCase.objects.get().closed_at is None
    build.pay(account, 3000, after(n))
    assert build.one(account, after(n)) == "NONE"


def test_credit_that_is_kept_covers_the_oldest_bill_first() -> None:
    account = build.account()
    build.pay(account, 2600, after(-30))
    credits.set_automatic(account_id=account.pk, is_automatic=False, as_of=noon(after(-20)))
    build.bill(account)
    build.bill(account, due_on=after(10))
    found = facts_reads.of([account.pk], as_of=noon(after(5)))[account.pk].facts
    assert (found.owed_cents, found.due_on) == (2600, after(10))
    assert build.days(account, after(-3), after(12)) == {7: "REMINDED", 11: "OVERDUE"}


def test_a_payment_that_never_ends_holds_for_three_days() -> None:
    account = build.account()
    build.bill(account)
    build.days(account, after(-3), after(30))
    paying = money.payment(account, 2600, as_of=noon(after(30)))
    payments.gateway_silent(payment_id=paying.pk, as_of=noon(after(30)), actor=ACTOR, reason="timed out")
    assert build.days(account, after(31), after(32)) == {}
    assert Message.objects.filter(code="held_back").count() == 3
    assert build.days(account, after(33), after(40)) == {33: "SUSPENDED"}
    paying.refresh_from_db()
    assert paying.state == PaymentState.UNKNOWN


def test_a_closed_account_still_owes() -> None:
    """It has no line any more: nothing can be switched off, and the debt stays."""
    account = build.account()
    build.bill(account, has_line=False)
    build.days(account, after(-3), after(25))
    accounts.close_account(account_id=account.pk, as_of=noon(after(25)))
    assert build.days(account, after(26), after(33)) == {}
    assert build.stage(account) == "OVERDUE"
    build.pay(account, 5000, after(33))
    assert build.one(account, after(33)) == "NONE"


# Clocks


def test_a_clock_that_goes_backwards_changes_nothing_and_a_payment_still_brings_service_back() -> None:
    """Harmless, not refused: imports and stories run in the past beside the present."""
    account = build.account()
    row = build.line(account)
    build.bill(account)
    build.days(account, after(-3), after(40))
    before = (StageChange.objects.count(), Message.objects.count(), CaseNotice.objects.count())
    for n in (35, 20, 0, -100):
        done = build.run(after(n))
        assert {name: count for name, count in vars(done).items() if count and name != "looked"} == {}
    assert (StageChange.objects.count(), Message.objects.count(), CaseNotice.objects.count()) == before
    assert build.is_off(row)
    build.pay(account, 5000, after(40))
    assert build.run(after(20)).restored == 1
    off = Suspension.objects.get(subscription=row)
    assert (off.begins_on, off.ends_on) == (after(31), after(31))
    while outbox.dispatch(as_of=noon(after(41))):
        pass
    assert (build.stage(account), build.is_off(row)) == ("NONE", False)
