"""Whose line somebody else pays is told before it stops, on his own contacts, and never what the other one owes."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import BillingAccount, Contact, Membership
from arrears import disconnect_rules
from arrears.choices import Stage
from arrears.disconnect_rules import Missing
from arrears.models import ArrearsCase, CaseNotice, EscalationSource
from arrears.selectors import disconnecting as line_facts
from arrears.selectors import evidence_packs, facts, outlook, prospects, timeline
from arrears.services import assessing, disconnecting, escalations
from catalog.models import Family, FamilyMember, Subscription, Termination
from core import clock
from core.actor import Actor
from notices.models import Delivery, Message
from tests.arrears import build, build_cut
from tests.arrears.build import ACTOR, after, noon
from tests.arrears.build_cut import STEPS, SUSPENDED, Scene
from tests.arrears.test_disconnect_paid import refused_everywhere
from tests.arrears.test_disconnecting import app_role, by_raw_sql, refused_by_law  # noqa: F401
from tests.billing import build as money
from tests.core.test_roles import made_roles  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db


def family(*, last: int = STEPS[-1], **member: Any) -> tuple[Scene, BillingAccount]:
    """A head who pays for the line of a member; judged and told up to that day."""
    head, other = build.account(phones=1), build.account(**{"phones": 1} | member)
    row = build.line(other)
    Subscription.objects.filter(pk=row.pk).update(payer=head)
    row.refresh_from_db()
    build.bill(head)
    for n in STEPS:
        if n <= last:
            assessing.assess_one(head.pk, actor=ACTOR, as_of=noon(after(n)))
            build_cut.deliver(after(n))
    return Scene(head, row), other


def told(of: BillingAccount) -> list[str]:
    rows = Message.objects.filter(recipient_ref=f"account:{of.number}").order_by("pk")
    return list(rows.values_list("code", flat=True))


def test_a_member_is_told_in_words_of_his_own() -> None:
    at, member = family()
    assert told(member) == [
        "family_suspension_ahead",
        "family_suspension_ahead",  # the day before
        "family_suspended",
        "family_disconnection_ahead",
        "family_disconnection_ahead",
    ]
    assert set(told(at.account)).isdisjoint(told(member))
    his = Contact.objects.get(account=member)
    assert set(
        Delivery.objects.filter(message__recipient_ref=f"account:{member.number}").values_list(
            "address", flat=True
        )
    ) == {his.value}


def test_a_member_never_reads_what_the_other_one_owes() -> None:
    at, member = family()
    for row in Message.objects.filter(recipient_ref=f"account:{member.number}"):
        assert "26.00" not in str(row.context)
        assert at.account.number[-4:] not in str(row.context)
        assert row.context["account_tail"] == member.number[-4:]


def test_a_member_s_line_is_cut_when_he_was_told_and_he_reads_it() -> None:
    at, member = family()
    build_cut.planned()
    warrant = disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    his = Contact.objects.get(account=member)
    assert f"contact:{his.pk}" in warrant.proofs.values_list("contact_ref", flat=True)
    assert told(member)[-1] == "family_disconnected"
    assert told(at.account)[-1] == "disconnected"


def test_a_member_with_a_new_contact_is_not_cut_before_he_was_told(app_role: str) -> None:  # noqa: F811
    at, member = family()
    build_cut.planned()
    Contact.objects.create(
        account=member, kind=Contact.Kind.EMAIL, value="member@example.com", created_at=noon(at.day)
    )
    refused_everywhere(at, app_role, Missing.NOT_DELIVERED)


@pytest.mark.parametrize(
    ("code", "to_member"), [("disconnection_ahead", True), ("family_disconnection_ahead", False)]
)
def test_the_words_for_one_are_no_proof_for_the_other(app_role: str, code: str, to_member: bool) -> None:  # noqa: F811
    at, member = family()
    build_cut.planned()
    new = Contact.objects.create(
        account=member, kind=Contact.Kind.EMAIL, value="n@example.com", created_at=noon(at.day)
    )
    real = CaseNotice.objects.filter(stage=Stage.DISCONNECT_WARNED).latest("pk")
    ref, then = f"account:{(member if to_member else at.account).number}", noon(after(81))
    message = Message.objects.create(code=code, recipient_ref=ref, dedupe_key="x", created_at=then)
    arrived(message, new.value)
    CaseNotice.objects.create(
        case=real.case, rule=real.rule, stage=real.stage, contact_ref=f"contact:{new.pk}", contact=new,
        message=message, told_on=real.told_on, created_at=then,
    )  # fmt: skip
    assert refused_by_law(by_raw_sql, at, app_role) == (Missing.NOT_DELIVERED,)


def arrived(message: Message, address: str) -> None:
    """By e-mail, on the 81st day, with the provider's receipt."""
    then = noon(after(81))
    Delivery.objects.create(
        message=message, template=Delivery.objects.earliest("pk").template, channel="EMAIL",
        address=address, created_at=then, next_attempt_at=then,
    )  # fmt: skip
    build_cut.deliver(after(81))


def test_a_head_without_contacts_needs_his_letter_though_the_member_was_told(app_role: str) -> None:  # noqa: F811
    at, _member = family()
    build_cut.planned()
    Contact.objects.filter(account=at.account).delete()
    refused_everywhere(at, app_role, Missing.NOBODY)


def test_an_address_of_both_is_told_once() -> None:
    head, other = build.account(phones=1), build.account(phones=0)
    row = build.line(other)
    Subscription.objects.filter(pk=row.pk).update(payer=head)
    shared = Contact.objects.get(account=head).value
    Contact.objects.create(account=other, kind=Contact.Kind.PHONE, value=shared, created_at=noon(after(0)))
    [reach] = facts.contacts([head.pk])[head.pk]
    assert (reach.address, reach.member) == (shared, "")


def test_who_pays_is_told_on_his_own_line_though_a_member_left_that_number() -> None:
    head, other = build.account(phones=0), build.account(phones=0)
    own = build.line(head, service_number="13900000017")
    row = build.line(other)
    Subscription.objects.filter(pk=row.pk).update(payer=head)
    left(other, "+8613900000017", -10)
    [reach] = facts.contacts([head.pk])[head.pk]
    assert (reach.ref, reach.member) == ("service:13900000017", "")
    build.bill(head)
    for n in STEPS:
        judged_daily(Scene(head, row), n, n)
    build_cut.planned()
    for line in (row, own):
        disconnecting.cut(line_id=Scene(head, line).line.pk, actor=ACTOR, as_of=noon(build_cut.DAY))
    assert Termination.objects.count() == 2


def test_a_member_s_mobile_line_is_told_as_his() -> None:
    head, other = build.account(phones=1), build.account(phones=0)
    row = build.line(other, service_number="13900000009")
    Subscription.objects.filter(pk=row.pk).update(payer=head)
    reach = facts.contacts([head.pk])[head.pk][-1]
    assert (reach.ref, reach.member) == ("service:13900000009", other.number)


def test_a_member_reads_that_his_service_is_back() -> None:
    at, member = family(last=SUSPENDED)
    build.pay(at.account, 100_000, after(40))
    assessing.assess_one(at.account.pk, actor=ACTOR, as_of=noon(after(40)))
    assert not build.is_off(at.row)
    assert told(member)[-1] == "restored"
    assert told(at.account)[-1] == "restored"


def test_the_pass_over_all_tells_members_as_the_judgement_of_one_does() -> None:
    at, member = family(last=-4)
    for n in STEPS:
        build.run(after(n))
        build_cut.deliver(after(n))
    assert told(member)[:3] == ["family_suspension_ahead", "family_suspension_ahead", "family_suspended"]
    assert build.is_off(at.row)


def test_a_dry_run_counts_members() -> None:
    at, _member = family(last=30)
    foreseen = build.run(after(SUSPENDED), dry_run=True)
    assert foreseen == build.run(after(SUSPENDED))
    build.pay(at.account, 100_000, after(40))
    assert build.run(after(40), dry_run=True) == build.run(after(40))


def test_who_comes_later_is_not_switched_off_unwarned() -> None:
    """He joins the family while its head is suspended already."""
    head, other = build.account(phones=1), build.account(phones=1)
    own, row = build.line(head), build.line(other)
    build.bill(head)
    build.days(head, after(-3), after(SUSPENDED))
    assert build.is_off(own)
    Subscription.objects.filter(pk=row.pk).update(payer=head)
    build.run(after(SUSPENDED + 1))
    assert not build.is_off(row)
    build.run(after(SUSPENDED + 2))
    assert not build.is_off(row)


def test_nor_is_whoever_left_nothing_but_his_line() -> None:
    head, other = build.account(phones=1), build.account(phones=0)
    own, row = build.line(head), build.line(other, service_number="13900000018")
    build.bill(head)
    build.days(head, after(-3), after(SUSPENDED))
    assert build.is_off(own)
    Subscription.objects.filter(pk=row.pk).update(payer=head)
    build.run(after(SUSPENDED + 1))
    assert not build.is_off(row)


def judged_daily(at: Scene, first: int, last: int) -> None:
    for n in range(first, last + 1):
        assessing.assess_one(at.account.pk, actor=ACTOR, as_of=noon(after(n)))
        build_cut.deliver(after(n))


def left(of: BillingAccount, value: str, n: int) -> None:
    Contact.objects.create(account=of, kind=Contact.Kind.PHONE, value=value, created_at=noon(after(n)))


def test_a_member_who_leaves_his_contact_again_after_the_last_warning_is_switched_off() -> None:
    at, member = family(last=30)
    his = Contact.objects.get(account=member)
    his.delete()
    left(member, his.value, 30)
    judged_daily(at, 31, 31)
    assert build.is_off(at.row)


@pytest.mark.parametrize("is_heads", [True, False])
def test_what_one_was_told_at_an_address_is_told_anew_to_the_other_who_has_it_now(is_heads: bool) -> None:
    """Service and law agree that it told him nothing: he is told, and then the line may be cut."""
    at, member = family()
    now, before = (at.account, member) if is_heads else (member, at.account)
    value = Contact.objects.get(account=before).value
    if not is_heads:
        left(at.account, "+8613712300001", -10)
        Contact.objects.get(account=before, value=value).delete()
    left(now, value, 91)
    judged_daily(at, 92, 100)
    his = Contact.objects.get(account=now, value=value)
    assert CaseNotice.objects.filter(contact=his, stage=Stage.DISCONNECT_WARNED).exists()
    build_cut.planned()
    judged = line_facts.facts([at.row], as_of=noon(after(110)), plan_id=at.plan.pk)[at.row.pk]
    assert Missing.NOT_DELIVERED not in disconnect_rules.missing(judged, after(110))


def test_who_pays_does_not_read_where_the_other_one_was_told() -> None:
    at, member = family()
    his = Contact.objects.get(account=member).value
    rows = [each for event in timeline.events(ArrearsCase.objects.get()) for each in event.deliveries]
    assert rows
    assert his not in {each.address for each in rows}
    assert his not in str(evidence_packs.make(account_id=at.account.pk, actor=ACTOR, as_of=noon(at.day)))


def test_his_page_says_so_after_another_line_was_cut() -> None:
    at, member = family()
    user = money.user()
    Membership.objects.create(user=user, account=member, role="OWNER", created_at=noon(after(0)))
    ArrearsCase.objects.update(stage=Stage.DISCONNECTED)
    [found] = outlook.paid_for(user, as_of=noon(at.day))
    assert (found.is_off, found.day) == (True, None)


def test_his_page_says_what_becomes_of_his_service(client: Client) -> None:
    at, member = family(last=23)
    user = money.user()
    Membership.objects.create(user=user, account=member, role="OWNER", created_at=noon(after(0)))
    client.force_login(user)
    for day, words in ((after(24), "请提醒对方在这以前缴清"), (after(40), "对方缴清后自动恢复")):
        assessing.assess_one(at.account.pk, actor=ACTOR, as_of=noon(day))
        build_cut.deliver(day)
        with clock.stopped(noon(day)):
            text = client.get("/arrears/").content.decode()
        assert words in text
        assert "26.00" not in text
        assert at.account.number not in text
        assessing.assess_one(at.account.pk, actor=ACTOR, as_of=noon(after(31)))
        build_cut.deliver(after(31))


def test_a_member_who_joined_after_the_warning_stays_on() -> None:
    """He left no address at all, so that nothing else tells that he was not warned."""
    head, other = build.account(phones=1), build.account(phones=0)
    own, row = build.line(head), build.line(other)
    build.bill(head)
    build.days(head, after(-3), after(SUSPENDED))
    Subscription.objects.filter(pk=row.pk).update(payer=head)
    joined = Family.objects.create(payer=head, subscription=own, number="F1", created_at=noon(after(0)))
    FamilyMember.objects.create(family=joined, account=other, active_from=after(SUSPENDED))
    build.run(after(SUSPENDED + 1))
    assert build.is_off(own)
    assert not build.is_off(row)


# -- a contact that is left again


def test_a_contact_that_is_left_again_has_been_told() -> None:
    at = build_cut.ready()
    gone = Contact.objects.filter(account=at.account, is_primary=False).get()
    value = gone.value
    gone.delete()
    Contact.objects.create(account=at.account, kind=Contact.Kind.PHONE, value=value, created_at=noon(at.day))
    [found] = prospects.of([at.account.pk], as_of=noon(at.day))
    assert prospects.unproven(found) == ()
    disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    assert Termination.objects.exists()


def test_a_contact_that_is_left_again_with_another_value_has_not(app_role: str) -> None:  # noqa: F811
    at = build_cut.ready()
    Contact.objects.filter(account=at.account, is_primary=False).delete()
    Contact.objects.create(
        account=at.account, kind=Contact.Kind.PHONE, value="+8613712399999", created_at=noon(at.day)
    )
    refused_everywhere(at, app_role, Missing.NOT_DELIVERED)


def test_a_removed_contact_of_somebody_else_proves_nothing(app_role: str) -> None:  # noqa: F811
    """What went another way, to an address that is somebody's now, was not that contact's notice."""
    at = build_cut.ready()
    gone = Contact.objects.filter(account=at.account, is_primary=False).get()
    notice = CaseNotice.objects.filter(contact=gone, stage=Stage.DISCONNECT_WARNED).first()
    assert notice is not None
    arrived(notice.message, "new@example.com")
    gone.delete()
    build_cut.another_contact(at)  # new@example.com
    refused_everywhere(at, app_role, Missing.NOT_DELIVERED)


# -- who waits for an answer


def escalated(account: BillingAccount) -> int:
    row = escalations.begin(
        account_id=account.pk,
        source=EscalationSource.CUSTOMER,
        text="停得不对",
        actor=ACTOR,
        as_of=noon(after(85)),
    )
    return row.pk


def test_whoever_waits_for_an_answer_is_not_cut(app_role: str) -> None:  # noqa: F811
    at = build_cut.ready()
    escalated(at.account)
    refused_everywhere(at, app_role, Missing.ESCALATION)


def test_nor_is_the_line_of_a_member_who_waits(app_role: str) -> None:  # noqa: F811
    at, member = family()
    build_cut.planned()
    escalated(member)
    refused_everywhere(at, app_role, Missing.ESCALATION)


def test_once_he_is_answered_it_may_be_cut() -> None:
    at = build_cut.ready()
    by, pk = Actor.user(build_cut.person()), escalated(at.account)
    escalations.take(escalation_id=pk, actor=by, as_of=noon(after(86)))
    escalations.answer(escalation_id=pk, text="查过了", actor=by, reason="查过了", as_of=noon(after(87)))
    disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    assert Termination.objects.exists()


def test_a_plan_names_the_escalation() -> None:
    at = build_cut.warned()
    escalated(at.account)
    plan = build_cut.planned(begun=False)
    line = plan.lines.get()
    assert line.refusals == [Missing.ESCALATION]
