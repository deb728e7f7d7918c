"""After the first line of an account was cut the others are cut by the same rules: who was not told is told then."""

from datetime import timedelta

import pytest

from accounts.models import Contact
from arrears.choices import Stage
from arrears.disconnect_rules import Missing
from arrears.models import ArrearsCase, CaseNotice, EscalationSource, PlanLine
from arrears.services import assessing, disconnecting, escalations
from arrears.services.disconnecting import NotCut
from catalog.models import Termination
from core.actor import Actor
from notices.models import Delivery, Message
from tests.arrears import build, build_cut
from tests.arrears.build import ACTOR, after, noon
from tests.arrears.build_cut import DAY, STEPS
from tests.arrears.test_disconnect_paid import refused_everywhere
from tests.arrears.test_disconnecting import app_role  # noqa: F401
from tests.core.test_roles import made_roles  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db


def first_cut(**account: object) -> PlanLine:
    """An account with two lines of which one, a mobile one, was cut; the other one waits in the plan."""
    made = build.account(**account)  # type: ignore[arg-type]
    mobile, cable = build.line(made, service_number="13900000033"), build.line(made)
    build.bill(made)
    for n in STEPS:
        assessing.assess_one(made.pk, actor=ACTOR, as_of=noon(after(n)))
        build_cut.deliver(after(n))
    build_cut.planned()
    disconnecting.cut(line_id=PlanLine.objects.get(subscription=mobile).pk, actor=ACTOR, as_of=noon(DAY))
    assert ArrearsCase.objects.get().stage == Stage.DISCONNECTED
    return PlanLine.objects.get(subscription=cable)


def judged(line: PlanLine, n: int) -> None:
    assessing.assess_one(line.subscription.payer_id, actor=ACTOR, as_of=noon(DAY + timedelta(n)))


def refusals(line: PlanLine, n: int) -> tuple[Missing, ...]:
    with pytest.raises(NotCut) as refused:
        disconnecting.cut(line_id=line.pk, actor=ACTOR, as_of=noon(DAY + timedelta(n)))
    return refused.value.missing


def test_whose_only_address_was_the_line_that_is_gone_reads_a_letter() -> None:
    line = first_cut(phones=0, address="清河市和平路 1 号")
    assert refusals(line, 0) == (Missing.NOBODY,)
    judged(line, 1)
    letter = Delivery.objects.get(channel="LETTER")
    assert letter.message.code == "disconnection_ahead"
    assert refusals(line, 2) == (Missing.NOT_DELIVERED,)
    judged(line, 2)
    assert Delivery.objects.filter(channel="LETTER").count() == 1


def test_a_contact_that_comes_then_is_told_and_has_its_days() -> None:
    line = first_cut(phones=1)
    Contact.objects.create(
        account=line.subscription.payer, kind="EMAIL", value="n@example.com", created_at=noon(DAY)
    )
    assert refusals(line, 0) == (Missing.NOT_DELIVERED,)
    judged(line, 0)
    told = CaseNotice.objects.latest("pk")
    assert told.message.code == "disconnection_ahead"
    assert told.message.deliveries.get().address == "n@example.com"
    assert (DAY + timedelta(7)).strftime("%-d") in told.message.context["disconnect_on"]
    build_cut.deliver(DAY)
    assert refusals(line, 1) == (Missing.NOTICE_TOO_LATE,)
    assert refusals(line, 6) == (Missing.NOTICE_TOO_LATE,)
    assert refusals(line, 7) == (Missing.APPROVERS,)  # he was told; the approvals have grown old meanwhile


def test_nothing_is_announced_while_something_holds_it() -> None:
    line = first_cut(phones=1)
    account = line.subscription.payer
    Contact.objects.create(account=account, kind="EMAIL", value="n@example.com", created_at=noon(DAY))
    build_cut.exempt(build_cut.Scene(account, line.subscription))
    judged(line, 0)
    assert not Delivery.objects.filter(address="n@example.com", message__code="disconnection_ahead").exists()


def test_without_another_line_nothing_more_is_announced() -> None:
    at = build_cut.ready()
    disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    before = Message.objects.filter(code="disconnection_ahead").count()
    build_cut.another_contact(at)
    assessing.assess_one(at.account.pk, actor=ACTOR, as_of=noon(at.day))
    assert Message.objects.filter(code="disconnection_ahead").count() == before


# -- asked for again


def asked(at: build_cut.Scene, source: EscalationSource, n: int) -> int:
    return escalations.begin(
        account_id=at.account.pk, source=source, text="停得不对", actor=ACTOR, as_of=noon(after(n))
    ).pk


def answered(pk: int, n: int) -> None:
    by = Actor.user(build_cut.person())
    escalations.take(escalation_id=pk, actor=by, as_of=noon(after(n)))
    escalations.answer(escalation_id=pk, text="查过了", actor=by, reason="查过了", as_of=noon(after(n)))


def test_a_customer_who_asks_again_is_answered_again_but_stops_nothing() -> None:
    at = build_cut.ready()
    answered(asked(at, EscalationSource.CUSTOMER, 84), 85)
    asked(at, EscalationSource.CUSTOMER, 86)
    disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    assert Termination.objects.exists()


def test_what_others_ask_stops_it_each_time(app_role: str) -> None:  # noqa: F811
    at = build_cut.ready()
    answered(asked(at, EscalationSource.CUSTOMER, 84), 85)
    asked(at, EscalationSource.SUPERIOR, 86)
    refused_everywhere(at, app_role, Missing.ESCALATION)


def test_what_was_answered_before_this_case_counts_no_more(app_role: str) -> None:  # noqa: F811
    at = build_cut.warned()
    answered(asked(at, EscalationSource.CUSTOMER, -5), -4)
    build_cut.planned()
    asked(at, EscalationSource.CUSTOMER, 86)
    refused_everywhere(at, app_role, Missing.ESCALATION)
