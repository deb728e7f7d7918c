"""Bills, payments, receipts, disputes, promises, changed phones, plans and passes in any order over months: no line is
ever cut unheard, and none stays off that owes nothing.

What must be true is worked out here from what the story did, not by the rules of the room.
HALL_UNHEARD_EXAMPLES raises the number of stories.
"""

import os
from collections import Counter
from datetime import date
from typing import Any, cast

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Contact
from arrears.choices import Stage
from arrears.models import (
    Exemption,
    ExemptionReason,
    PlanLine,
    StageChange,
)
from arrears.services import disconnecting, plans, promises, restoring
from arrears.services.disconnecting import NotCut
from billing.models import Bill, Dispute, DisputeCause, DisputeState
from billing.services.bills import adjustments, disputes
from billing.services.payments import payments
from catalog.choices import SuspensionReason
from catalog.holdings.services import suspensions
from catalog.models import Subscription, Suspension, Termination
from core.errors import HallError, NotFound
from notices.models import Delivery, DeliveryState
from notices.services.receipts import Verdict
from tests.arrears import build_cut, unheard_truth, unheard_world
from tests.arrears.build import ACTOR
from tests.arrears.unheard_world import DAY, NEEDED, Fate, World, pick
from tests.billing import build as money
from tests.catalog.holdings import build as holdings

STORIES = int(os.environ.get("HALL_UNHEARD_EXAMPLES", "6"))
STEPS = 30
PICK = st.integers(0, 1000)
LAST = date(2026, 10, 1)  # nothing is written that has not happened yet
PLACE = {stage: n for n, stage in enumerate(Stage.values)}


class Unheard(RuleBasedStateMachine):
    """One account with one line, and everybody who does something about it."""

    def __init__(self) -> None:
        super().__init__()
        self.story = transaction.atomic()
        self.story.__enter__()
        self.world: World = unheard_world.begin()
        self.seen_changes = 0
        self.cuts = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.story.__exit__(None, None, None)

    @initialize(
        days_late=st.sampled_from([0, 28, 60, 88, 95, 102, 109]),
        phone=st.sampled_from(["good", "good", "lost", "soft", "dead"]),
        line=st.sampled_from(["good", "good", "good", "dead"]),
        is_hasty=st.booleans(),
    )
    def he_may_be_late_already(self, days_late: int, phone: Fate, line: Fate, is_hasty: bool = False) -> None:
        """On the days on which something happens, the post's included; the others would change nothing.

        Hasty operators have a plan approved and run on every day since the customer was told.
        """
        [number] = self.world.left()
        self.world.fates |= {number: phone, self.world.own_number: line}
        self.world.bill(2600, due_in=4)
        due_on = self.world.today + 4 * DAY
        for n in (-3, 1, 23, 30, 31, 36, 37, 81, 87, 88, 91, 92, 94, 95, 98, 100, 101, 102, 109):
            if n <= days_late:
                self.world.today = due_on + n * DAY
                self.world.pass_()
                self.world.call()
                self._look()
                if is_hasty and n >= 81:
                    self.the_operators_do_their_round()

    # Time, bills and money

    @precondition(lambda self: self.world.today < LAST)
    @rule(days=st.sampled_from([1, 2, 3, 7, 8]))
    def days_go_by(self, days: int) -> None:
        for _day in range(days):
            self.world.days(1)
            self._look()

    @precondition(lambda self: self.world.today < LAST)
    @rule(days=st.sampled_from([1, 5, 30]))
    def nobody_runs_the_pass(self, days: int) -> None:
        self.world.today += days * DAY
        self.world.call()

    @rule(cents=st.sampled_from([1, 900, 2600]), due_in=st.sampled_from([-40, 0, 10, 20]))
    def a_bill_comes(self, cents: int, due_in: int) -> None:
        self.world.bill(cents, due_in)

    @precondition(lambda self: not self.world.in_flight)  # one payment at a time: the next one waits for it
    @rule(percent=st.sampled_from([10, 50, 100, 130]))
    def he_pays(self, percent: int) -> None:
        if (cents := self.world.owes() * percent // 100) > 0:
            self.world.pay(cents)

    @precondition(lambda self: not self.world.in_flight)
    @rule()
    def he_begins_to_pay(self) -> None:
        """And nobody knows for how long whether it has worked."""
        self.world.in_flight.append(money.payment(self.world.account, 700, as_of=self.world.at))

    @precondition(lambda self: self.world.in_flight)
    @rule()
    def nobody_knows_whether_it_has_worked(self) -> None:
        payments.gateway_silent(
            payment_id=self.world.in_flight[-1].pk, as_of=self.world.at, actor=ACTOR, reason="x"
        )

    @precondition(lambda self: self.world.in_flight)
    @rule()
    def what_he_began_arrives(self) -> None:
        self.world.arrives(self.world.in_flight.pop())

    @rule(which=PICK)
    def a_bill_is_taken_back(self, which: int) -> None:
        bill = pick(Bill.objects.open().filter(account=self.world.account).order_by("pk"), which)
        if bill is None:
            return
        cents = bill.open_cents
        adjustments.adjust(bill_id=bill.pk, amount_cents=cents, reason="x", actor=ACTOR, as_of=self.world.at)
        self.world.lowered += cents
        self.world.news()

    @rule()
    def the_workers_stop(self) -> None:
        self.world.is_deaf = True

    @precondition(lambda self: self.world.is_deaf)
    @rule()
    def the_workers_are_back(self) -> None:
        self.world.is_deaf = False
        self.world.news()

    @precondition(lambda self: not self.world.in_flight)
    @rule(due_in=st.sampled_from([-40, -30, 0, 15]), percent=st.sampled_from([40, 60, 100]))
    def he_pays_in_the_second_of_the_cut(self, due_in: int, percent: int) -> None:
        """And nobody has heard of it when the plan is run; the next bill is there already."""
        self.world.is_deaf = True
        self.world.bill(2600, due_in)
        self.he_pays(percent)
        self.a_plan_is_made_and_run(2, 0)
        self.the_workers_are_back()

    # What holds it back

    @rule(which=PICK)
    def he_disputes(self, which: int) -> None:
        bill = pick(
            Bill.objects.open().filter(account=self.world.account).exclude(disputes__state="OPEN"), which
        )
        if bill:
            disputes.begin(
                bill_id=bill.pk, cause=DisputeCause.AMOUNT, text="不对", raised_by_id=money.user().pk, actor=ACTOR,
                as_of=self.world.at,
            )  # fmt: skip
            self.world.news()

    @rule(
        which=PICK,
        state=st.sampled_from([DisputeState.UPHELD, DisputeState.REJECTED, DisputeState.WITHDRAWN]),
    )
    def his_dispute_ends(self, which: int, state: DisputeState) -> None:
        dispute = pick(Dispute.objects.open().order_by("pk"), which)
        if dispute:
            disputes.close(
                dispute_id=dispute.pk, state=state, answer="已核查", actor=ACTOR, as_of=self.world.at
            )
            self.world.news()

    @rule()
    def he_promises(self) -> None:
        slip = holdings.slip(self.world.account, at=self.world.at)
        try:
            promises.make(account_id=self.world.account.pk, slip=slip, actor=ACTOR, as_of=self.world.at)
        except HallError:
            return

    @rule(days=st.sampled_from([1, 20]))
    def he_is_exempt(self, days: int) -> None:
        Exemption.objects.create(
            account=self.world.account, reason=ExemptionReason.HARDSHIP, note="x", active_from=self.world.today,
            active_to=self.world.today + days * DAY, created_by="test", created_at=self.world.at,
        )  # fmt: skip

    @rule()
    def he_pauses_or_resumes(self) -> None:
        number, reason = self.world.line.number, SuspensionReason.CUSTOMER
        turn = suspensions.resume if self._is_off(reason) else suspensions.suspend
        if self.world.is_on():
            turn(number=number, reason=reason, actor=ACTOR, as_of=self.world.at)
            self.world.news()

    # Phones and receipts

    @rule(which=PICK, fate=st.sampled_from(["good", "good", "lost", "soft", "dead"]))
    def a_phone_answers_otherwise(self, which: int, fate: Fate) -> None:
        self.world.fates[pick(sorted(self.world.live_addresses()), which) or ""] = fate

    @precondition(lambda self: Contact.objects.filter(account=self.world.account).count() < 3)
    @rule()
    def he_leaves_another_phone(self) -> None:
        unheard_world.contact(self.world)

    @rule(which=PICK)
    def his_phone_changes(self, which: int) -> None:
        row = pick(Contact.objects.filter(account=self.world.account).order_by("pk"), which)
        if row:
            Contact.objects.filter(pk=row.pk).update(
                value=f"{row.value[:-4]}{(int(row.value[-4:]) + 5000) % 10000:04d}"
            )

    @rule(which=PICK)
    def he_takes_a_phone_away(self, which: int) -> None:
        rows = Contact.objects.filter(account=self.world.account).order_by("pk")
        if row := pick(rows, which):
            row.delete()

    @rule(which=PICK, what=st.sampled_from(["DELIVERED", "DELIVERED", "FAILED", "forged", "twice"]))
    def a_receipt_comes_late(self, which: int, what: str) -> None:
        went = Delivery.objects.filter(channel="SMS", message__code__in=NEEDED).exclude(
            state=DeliveryState.QUEUED
        )
        row = pick(went.select_related("message").order_by("-pk")[:6], which)
        if row is None:
            return
        if what == "forged":
            assert self.world.receipt(row, "DELIVERED", is_forged=True) == Verdict.FORGED
            return
        for _time in range(2 if what == "twice" else 1):
            self.world.receipt(row, "FAILED" if what == "FAILED" else "DELIVERED")
        self.world.news()

    # Those who want to cut

    @rule(approvals=st.sampled_from([0, 1, 2, 2, 2]), days=st.sampled_from([0, 0, 0, 5]))
    def a_plan_is_made_and_run(self, approvals: int, days: int) -> None:
        """By one person; approved by others, or by too few; run at once or days later."""
        plan = plans.make(plans.Wanted(), made_by_id=build_cut.person().pk, as_of=self.world.at).plan
        for _person in range(approvals):
            plans.approve(plan_id=plan.pk, user_id=build_cut.person().pk, reason="核对", as_of=self.world.at)
        if days:
            self.world.days(days)
            self._look()
        before = self._terminations()
        try:
            list(plans.run(plans.Job(plan_id=plan.pk, as_of=self.world.at, actor=ACTOR)))
        except plans.NotApproved:
            assert approvals < 2
        self._check_cut(before)

    @rule()
    def the_operators_do_their_round(self) -> None:
        self.a_plan_is_made_and_run(2, 0)

    @rule()
    def they_do_it_again_tomorrow(self) -> None:
        self.days_go_by(1)
        self.a_plan_is_made_and_run(2, 0)

    @precondition(lambda self: self.world.is_on())
    @rule(how=st.sampled_from(["door", "model", "update"]))
    def somebody_cuts_without_leave(self, how: str) -> None:
        """Through the door with a line of no plan that goes on, or past everything."""
        ways = {"door": self._through_the_door, "model": self._by_model, "update": self._by_update}
        with pytest.raises((NotCut, NotFound, IntegrityError)), transaction.atomic():
            ways[how]()
        assert self._terminations() == 0

    def _through_the_door(self) -> None:
        line = PlanLine.objects.filter(subscription=self.world.line).last()
        disconnecting.cut(line_id=line.pk if line else 0, actor=ACTOR, as_of=self.world.at)

    def _by_model(self) -> None:
        told = Delivery.objects.filter(message__code="disconnection_ahead").last()
        Termination.objects.create(
            subscription=self.world.line,
            reason="ARREARS",
            suspension=Suspension.objects.filter(subscription=self.world.line, reason="ARREARS").last(),
            notice=told.message if told else None,
            actor="x",
            at=self.world.at,
        )

    def _by_update(self) -> None:
        Subscription.objects.filter(pk=self.world.line.pk).update(
            state="TERMINATED", ends_on=self.world.today
        )

    @rule()
    def the_sweeper_runs(self) -> None:
        list(restoring.run(restoring.Job(as_of=self.world.at)))
        self.world.news()

    # What is always true

    @invariant()
    def no_line_is_off_that_owes_nothing(self) -> None:
        """Once the news is handled; what is disputed does not count."""
        if self.world.owes() <= 0 and self.world.is_on() and not self.world.is_deaf:
            assert unheard_world.unhandled() == []
            assert not self._is_off(SuspensionReason.ARREARS)

    @invariant()
    def nobody_was_suspended_unheard(self) -> None:
        self._look()

    @invariant()
    def no_fen_is_lost(self) -> None:
        assert money.books_are_right()
        balance = money.balance(self.world.account) if self.world.billed else 0
        assert balance == self.world.paid + self.world.lowered - self.world.billed

    @invariant()
    def one_step_upwards_a_day(self) -> None:
        ups = Counter(
            (case_id, on)
            for case_id, on, before, after in StageChange.objects.values_list(
                "case_id", "on", "from_stage", "to_stage"
            )
            if PLACE[after] > PLACE[before]
        )
        assert all(count == 1 for count in ups.values())

    def _look(self) -> None:
        """At what has just happened: nobody who was suspended had not been told a week before."""
        for row in StageChange.objects.filter(to_stage="SUSPENDED", pk__gt=self.seen_changes).order_by("pk"):
            self.seen_changes = row.pk
            unheard_truth.check_suspension(self.world, row)

    def _check_cut(self, before: int) -> None:
        if self._terminations() > before:
            self.cuts += 1
            unheard_truth.check_cut(self.world)

    def _terminations(self) -> int:
        return Termination.objects.filter(reason="ARREARS").count()

    def _is_off(self, reason: SuspensionReason) -> bool:
        return Suspension.objects.filter(subscription=self.world.line, reason=reason, ends_on=None).exists()


@pytest.mark.django_db
def test_no_line_is_cut_unheard_and_none_stays_off_that_owes_nothing(settings_of_uploads: None) -> None:
    run_state_machine_as_test(
        Unheard,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.django_db
def test_a_story_can_end_with_a_cut(settings_of_uploads: None) -> None:
    """The control: whoever was told of everything is cut, and the machine has looked at it."""
    for phone, days_late in (("good", 95), ("dead", 109)):
        machine = Unheard()
        machine.he_may_be_late_already(days_late, cast("Fate", phone), "good")
        machine.world.days(2)
        machine.a_plan_is_made_and_run(2, 0)
        assert machine.cuts == 1, phone
        machine.teardown()


@pytest.fixture
def settings_of_uploads(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT, settings.UPLOAD_SCANNER = tmp_path, "off"
    settings.SMS_GATEWAY_SECRET = "gateway-secret-of-the-story"
