"""A customer says that a bill is wrong: one open dispute a bill, an answer in time, nothing for strangers."""

from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing.models import DISPUTE_MACHINE, Bill, Dispute, DisputeCause, DisputeState
from billing.selectors import disputes as dispute_reads
from billing.services.bills import disputes
from core import clock
from core.actor import Actor
from core.db import violated
from core.errors import Forbidden
from core.models import AuditRow
from core.statemachine import IllegalTransition
from notices.models import Delivery
from operations.context import Context
from operations.inputs import InvalidInput
from operations.models import Channel, Slip, SlipState
from operations.services import slips
from tests.admin.build import staff_with
from tests.billing import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
CLERK = Actor("user:0")
FRIDAY_EVENING = NOON + timedelta(days=2, hours=8)


@pytest.fixture
def alice() -> User:
    return build.user()


@pytest.fixture
def bill(alice: User) -> Bill:
    return build.bill(build.account(alice))


def begin(bill: Bill, by: User, **changes: Any) -> Dispute:
    values = {"cause": DisputeCause.AMOUNT, "text": "多收了两个月", "actor": build.ACTOR, "as_of": NOON}
    return disputes.begin(bill_id=bill.pk, raised_by_id=by.pk, **(values | changes))  # type: ignore[arg-type]


def close(dispute: Dispute, state: DisputeState, answer: str = "已核实，是我们的错") -> Dispute:
    return disputes.close(
        dispute_id=dispute.pk, state=state, answer=answer, actor=CLERK, as_of=NOON, reason="查了系统"
    )


def submit(user: User, operation: str, raw: dict[str, str], *, key: str = "a-key-of-this-test-01") -> Slip:
    """As the page does it. Slips commit: only for tests with real transactions."""
    ctx = Context(user=user, channel=Channel.WEB, as_of=NOON)
    quoted = slips.quote(operation=operation, ctx=ctx, raw=raw)
    return slips.submit(
        operation=operation,
        ctx=ctx,
        raw=raw,
        quote_digest=quoted.digest,
        confirmation={"agreed": "yes"},
        idempotency_key=key,
    )


def test_a_dispute_promises_an_answer_within_five_working_days(bill: Bill, alice: User) -> None:
    dispute = begin(bill, alice)
    assert dispute.state == DisputeState.OPEN
    assert dispute.promised_on == date(2026, 11, 25)  # from Wednesday: the weekend does not count
    assert [(row.from_state, row.to_state) for row in dispute.history.all()] == [("", "OPEN")]
    assert dispute_reads.open_for([bill.pk]) == {bill.pk: dispute}


def test_the_days_of_the_promise_are_a_setting(bill: Bill, alice: User, settings: Any) -> None:
    settings.DISPUTE_ANSWER_WORKING_DAYS = 1
    assert begin(bill, alice, as_of=FRIDAY_EVENING).promised_on == date(2026, 11, 23)


def test_a_bill_has_one_open_dispute_at_a_time(bill: Bill, alice: User) -> None:
    first = begin(bill, alice)
    with pytest.raises(disputes.AlreadyDisputed) as refused:
        begin(bill, alice)
    assert first.number in refused.value.text
    assert bill.disputes.count() == 1
    close(first, DisputeState.REJECTED)
    assert begin(bill, alice).pk != first.pk


def test_the_database_itself_keeps_a_second_open_dispute_out(bill: Bill, alice: User) -> None:
    first = begin(bill, alice)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Dispute.objects.create(
            number="D2",
            bill=bill,
            cause=DisputeCause.OTHER,
            text="又一次",
            raised_by=alice,
            created_at=NOON,
            promised_on=first.promised_on,
        )
    assert violated(refused.value) == "dispute_one_open_per_bill"


@pytest.mark.parametrize(("source", "target"), list(product(DisputeState, repeat=2)))
def test_a_dispute_ends_once_and_as_its_machine_says(
    source: DisputeState, target: DisputeState, bill: Bill, alice: User
) -> None:
    dispute = begin(bill, alice)
    if source != DisputeState.OPEN:
        close(dispute, source)
    if DISPUTE_MACHINE.allows(source, target):
        assert close(dispute, target).state == target
        return
    with pytest.raises(IllegalTransition):
        close(dispute, target)
    assert Dispute.objects.get().state == source


@pytest.mark.parametrize("state", [DisputeState.UPHELD, DisputeState.REJECTED])
def test_no_dispute_ends_without_an_answer(state: DisputeState, bill: Bill, alice: User) -> None:
    dispute = begin(bill, alice)
    with pytest.raises(disputes.AnswerMissing):
        close(dispute, state, "  ")
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Dispute.objects.filter(pk=dispute.pk).update(state=state, closed_at=NOON)
    assert violated(refused.value) == "dispute_is_answered"
    assert Dispute.objects.get().is_open


def test_the_customer_is_told_that_there_is_an_answer_and_not_what_it_says(bill: Bill, alice: User) -> None:
    dispute = close(begin(bill, alice), DisputeState.UPHELD)
    [sent] = Delivery.objects.all()
    assert sent.address == alice.phone
    assert dispute.number in sent.body
    assert bill.account.number not in sent.body
    assert dispute.answer not in sent.body
    last = dispute.history.last()
    assert last is not None
    assert (last.actor, last.reason) == (CLERK.ref, "查了系统")


def test_who_takes_it_back_is_sent_nothing(bill: Bill, alice: User) -> None:
    close(begin(bill, alice), DisputeState.WITHDRAWN, "")
    assert not Delivery.objects.exists()


def test_open_disputes_of_many_bills_take_one_query(
    bill: Bill, alice: User, django_assert_num_queries: Any
) -> None:
    other = build.bill(bill.account)
    dispute = begin(bill, alice)
    with django_assert_num_queries(1):
        assert dispute_reads.open_for([bill.pk, other.pk]) == {bill.pk: dispute}
    with django_assert_num_queries(0):
        assert dispute_reads.open_for([]) == {}


def raw(bill: Bill, text: str = "这个月没有点播过") -> dict[str, str]:
    return {"bill": bill.number, "cause": "NOT_ORDERED", "text": text}


@pytest.mark.django_db(transaction=True)
def test_the_slip_is_under_way_until_staff_answer(bill: Bill, alice: User) -> None:
    slip = submit(alice, "bill.dispute", raw(bill))
    dispute = Dispute.objects.get()
    assert (slip.state, slip.subject_id) == (SlipState.IN_PROGRESS, dispute.number)
    assert (dispute.cause, dispute.text) == ("NOT_ORDERED", "这个月没有点播过")
    close(dispute, DisputeState.REJECTED, "点播记录见附件")
    slip.refresh_from_db()
    assert slip.state == SlipState.DONE
    assert "点播记录见附件" in slip.result["text"]["zh-hans"]


@pytest.mark.django_db(transaction=True)
def test_the_same_key_disputes_once_and_another_is_refused(bill: Bill, alice: User) -> None:
    first = submit(alice, "bill.dispute", raw(bill))
    ctx = Context(user=alice, channel=Channel.WEB, as_of=NOON)
    with pytest.raises(disputes.AlreadyDisputed):
        slips.quote(operation="bill.dispute", ctx=ctx, raw=raw(bill))
    again = slips.submit(
        operation="bill.dispute",
        ctx=ctx,
        raw=raw(bill),
        quote_digest=first.quote_digest,
        confirmation={"agreed": "yes"},
        idempotency_key="a-key-of-this-test-01",
    )
    assert again.pk == first.pk
    assert Dispute.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_customer_takes_his_dispute_back(bill: Bill, alice: User) -> None:
    asked = submit(alice, "bill.dispute", raw(bill))
    number = Dispute.objects.get().number
    done = submit(alice, "bill.dispute.withdraw", {"dispute": number}, key="another-key-of-this-01")
    asked.refresh_from_db()
    assert (done.state, asked.state) == (SlipState.DONE, SlipState.CANCELLED)
    assert Dispute.objects.get().state == DisputeState.WITHDRAWN


@pytest.mark.django_db(transaction=True)
def test_bob_can_neither_dispute_nor_withdraw(bill: Bill, alice: User) -> None:
    bob = build.user()
    ctx = Context(user=bob, channel=Channel.WEB, as_of=NOON)
    with pytest.raises(InvalidInput):
        slips.quote(operation="bill.dispute", ctx=ctx, raw=raw(bill))
    dispute = begin(bill, alice)
    build.bill(build.account(bob))
    with pytest.raises(Forbidden):
        slips.quote(operation="bill.dispute.withdraw", ctx=ctx, raw={"dispute": dispute.number})
    assert Dispute.objects.get().is_open


def page(user: User, bill: Bill) -> str:
    client = Client()
    client.force_login(user)
    with clock.stopped(NOON):
        return client.get(reverse("billing:bill", args=[bill.number])).content.decode()


def test_the_bills_page_offers_the_dispute_then_shows_it_then_its_answer(bill: Bill, alice: User) -> None:
    assert f"{reverse('operations:form', args=['bill.dispute'])}?bill={bill.number}" in page(alice, bill)
    dispute = begin(bill, alice)
    shown = page(alice, bill)
    assert "正在核查" in shown
    assert "2026年11月25日" in shown
    assert f"?dispute={dispute.number}" in shown
    close(dispute, DisputeState.REJECTED, "<b>计费无误</b>")
    shown = page(alice, bill)
    assert "&lt;b&gt;计费无误&lt;/b&gt;" in shown
    assert "查了系统" not in shown  # staff's own reason
    assert "正在核查" not in shown


def test_another_member_sees_the_dispute_and_cannot_take_it_back(bill: Bill, alice: User) -> None:
    carol = build.user()
    bill.account.memberships.create(user=carol, role="PAYER", created_at=NOON)
    begin(bill, alice)
    shown = page(carol, bill)
    assert "正在核查" in shown
    assert "?dispute=" not in shown


def test_staff_answer_with_outcome_answer_and_reason(bill: Bill, alice: User, client: Client) -> None:
    dispute = begin(bill, alice)
    client.force_login(staff_with("billing.view_dispute", "billing.change_dispute"))
    url = reverse("admin:billing_dispute_act", args=["answer"]) + f"?ids={dispute.pk}"
    assert client.get(url).status_code == 200
    client.post(url, {"outcome": "UPHELD", "answer": "", "reason": "已核"})
    assert Dispute.objects.get().is_open
    client.post(url, {"outcome": "UPHELD", "answer": "多收的已减免", "reason": "已核"})
    dispute.refresh_from_db()
    assert (dispute.state, dispute.answer) == (DisputeState.UPHELD, "多收的已减免")
    assert AuditRow.objects.get(action="billing.dispute.answer").reason == "已核"


def test_staff_find_what_is_late(bill: Bill, alice: User, client: Client) -> None:
    late = begin(bill, alice, as_of=NOON - timedelta(days=30))
    begin(build.bill(bill.account), alice, as_of=clock.now())
    client.force_login(staff_with("billing.view_dispute"))
    with clock.stopped(NOON):
        found = client.get(reverse("admin:billing_dispute_changelist"), {"late": "yes"})
    assert [row.number for row in found.context["cl"].result_list] == [late.number]


def test_who_may_only_look_answers_nothing(bill: Bill, alice: User, client: Client) -> None:
    dispute = begin(bill, alice)
    client.force_login(staff_with("billing.view_dispute"))
    url = reverse("admin:billing_dispute_act", args=["answer"]) + f"?ids={dispute.pk}"
    assert client.post(url, {"outcome": "UPHELD", "answer": "行", "reason": "已核"}).status_code == 403
    assert Dispute.objects.get().is_open
