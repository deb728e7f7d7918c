"""Families: asked, agreed to with a code, left, removed; one payer each month, nothing told of who has an account."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts import references
from accounts.models import BillingAccount, Membership, User
from accounts.services import accounts as account_services
from accounts.services.accounts import AccountClosed, BadAccountNumber
from catalog.choices import SuspensionReason
from catalog.holdings.selectors import families as reads
from catalog.holdings.selectors import payers
from catalog.holdings.services import due, families, subscriptions, suspensions
from catalog.holdings.services.subscriptions import Wanted
from catalog.models import Family, FamilyInvitation, FamilyMember, Subscription
from core.db import violated
from core.errors import Forbidden, NotFound
from notices.models import Delivery
from operations.models import SlipState
from tests.accounts.desk import Committed, Desk
from tests.billing import build as money
from tests.catalog.holdings import build
from tests.catalog.holdings.build import ACTOR, TODAY, day, noon
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
HOW: Any = {"actor": ACTOR, "as_of": NOON}
PAYER, MEMBER = "+8613800000001", "+8613800000002"
NEXT_MONTH = day(12, 1)


def proven(phone: str) -> User:
    user = money.user(phone)
    user.phone_verified_at = NOON
    user.save(update_fields=["phone_verified_at"])
    return user


@pytest.fixture
def head() -> User:
    return proven(PAYER)


@pytest.fixture
def li() -> User:
    return proven(MEMBER)


@pytest.fixture
def payer(head: User) -> BillingAccount:
    account = money.account(head)
    build.held(account, build.offer("family", family_limit=2))
    return account


@pytest.fixture
def member(li: User) -> BillingAccount:
    return money.account(li)


def invite(payer: BillingAccount, account: BillingAccount | str) -> FamilyInvitation:
    number = account if isinstance(account, str) else account.number
    return families.invite(payer_id=payer.pk, account_number=number, **HOW)


def join(payer: BillingAccount, account: BillingAccount) -> FamilyMember:
    return families.accept(reference=invite(payer, account).reference, slip_id=None, **HOW)


def test_the_whole_way(
    head: User,
    li: User,
    payer: BillingAccount,
    member: BillingAccount,
    django_capture_on_commit_callbacks: Committed,
) -> None:
    held = build.held(member)
    desk = Desk(head, django_capture_on_commit_callbacks)
    asked = desk.confirmed("family.invite", by=PAYER, account=payer.number, number=member.number)
    assert asked.state == SlipState.DONE
    assert (
        f"尾号 {payer.number[-4:]} 的户号邀请尾号 {member.number[-4:]}" in Delivery.objects.latest("pk").body
    )
    row = FamilyInvitation.objects.get()
    theirs = Desk(li, django_capture_on_commit_callbacks)
    quoted = theirs.quote("family.join", row=references.of(row))
    assert quoted.quote.effective_on == NEXT_MONTH
    slip = theirs.confirmed("family.join", by=MEMBER, row=references.of(row))
    joined = FamilyMember.objects.get(account=member)
    assert (joined.active_from, joined.active_to, joined.agreed) == (NEXT_MONTH, None, slip)
    assert payers.of_account(member.pk, on=TODAY) == member.pk
    assert payers.of_account(member.pk, on=NEXT_MONTH) == payer.pk
    list(due.run(due.Job(as_of=noon(NEXT_MONTH))))
    held.refresh_from_db()
    assert held.payer_id == payer.pk


def test_a_code_is_needed_to_agree(
    li: User, payer: BillingAccount, member: BillingAccount, django_capture_on_commit_callbacks: Committed
) -> None:
    row = invite(payer, member)
    desk = Desk(li, django_capture_on_commit_callbacks)
    with pytest.raises(Exception, match="CODE"):
        desk.submit("family.join", "000000", row=references.of(row))
    assert not FamilyMember.objects.filter(account=member).exists()


def test_only_an_owner_of_the_account_may_answer(
    payer: BillingAccount, member: BillingAccount, django_capture_on_commit_callbacks: Committed
) -> None:
    bob = proven("+8613800000003")
    Membership.objects.create(user=bob, account=member, role=Membership.Role.PAYER, created_at=NOON)
    invite(payer, member)
    with pytest.raises(Forbidden):
        Desk(bob, django_capture_on_commit_callbacks).quote("family.join", row="x")
    assert not reads.invitations_to(bob, as_of=NOON).exists()


def test_an_account_that_does_not_exist_is_invited_like_any_other(
    payer: BillingAccount, member: BillingAccount
) -> None:
    there, nowhere = invite(payer, member), invite(payer, "9900000099")
    assert (there.account_id, nowhere.account_id) == (member.pk, None)
    for row in (there, nowhere):
        assert (row.state, row.family.number) == ("PENDING", there.family.number)
    with pytest.raises(NotFound):
        families.accept(reference=nowhere.reference, slip_id=None, **HOW)


def test_nobody_shares_what_he_does_not_hold(member: BillingAccount) -> None:
    build.held(member, build.offer())
    with pytest.raises(families.NoFamilyOffer):
        invite(member, "9900000099")
    assert not Family.objects.exists()


@pytest.mark.parametrize(
    ("number", "refusal"),
    [("own", families.NotOneself), ("第一", BadAccountNumber)],
)
def test_some_numbers_are_none_to_invite(
    payer: BillingAccount, number: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        invite(payer, payer.number if number == "own" else number)
    assert not FamilyInvitation.objects.exists()


def test_nobody_joins_who_pays_for_what_is_off_for_arrears(
    payer: BillingAccount, member: BillingAccount
) -> None:
    """He would lose his service without a warning of his own, or have it for nothing."""
    row = invite(payer, member)
    line = Subscription.objects.get(account=payer)
    suspensions.suspend(number=line.number, reason=SuspensionReason.ARREARS, **HOW)
    for refused in (
        lambda: families.accept(reference=row.reference, slip_id=None, **HOW),
        lambda: invite(payer, money.account()),
    ):
        with pytest.raises(families.FamilyPayerSuspended):
            refused()
    assert not FamilyMember.objects.filter(account=member).exists()
    suspensions.resume(number=line.number, reason=SuspensionReason.ARREARS, **HOW)
    families.accept(reference=row.reference, slip_id=None, **HOW)


def test_the_same_account_is_asked_once(payer: BillingAccount, member: BillingAccount) -> None:
    row = invite(payer, member)
    with pytest.raises(families.AlreadyInvitedToFamily):
        invite(payer, member)
    families.accept(reference=row.reference, slip_id=None, **HOW)
    with pytest.raises(families.AlreadyInFamily):
        invite(payer, member)
    assert FamilyInvitation.objects.count() == 1


def test_no_more_than_the_offer_allows(payer: BillingAccount, member: BillingAccount) -> None:
    join(payer, member)
    third = invite(payer, money.account())
    with pytest.raises(families.FamilyFull):
        invite(payer, money.account())
    families.withdraw(reference=third.reference, **HOW)
    join(payer, money.account())
    assert FamilyMember.objects.exclude(account=payer).count() == 2


def test_a_member_s_place_is_free_when_his_end_is_said(payer: BillingAccount, member: BillingAccount) -> None:
    first, _second = join(payer, member), join(payer, money.account())
    with pytest.raises(families.FamilyFull):
        invite(payer, money.account())
    families.end_membership(member_id=first.pk, **HOW)
    assert invite(payer, money.account()).state == "PENDING"


def test_nobody_is_in_two_families(payer: BillingAccount, member: BillingAccount) -> None:
    join(payer, member)
    other = money.account()
    build.held(other, build.offer(family_limit=2))
    row = invite(other, member)
    with pytest.raises(families.AlreadyInFamily):
        families.accept(reference=row.reference, slip_id=None, **HOW)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        FamilyMember.objects.create(family=row.family, account=member, active_from=day(1, 1, 2027))
    assert violated(refused.value) == "family_member_in_one_at_a_time"
    row.refresh_from_db()
    assert row.state == "PENDING"


def test_who_pays_for_others_has_nobody_who_pays_for_him(
    payer: BillingAccount, member: BillingAccount
) -> None:
    invite(payer, member)
    build.held(member, build.offer(family_limit=2))
    back = invite(member, payer)
    with pytest.raises(families.AlreadyInFamily):
        families.accept(reference=back.reference, slip_id=None, **HOW)


def test_who_belongs_to_a_family_founds_none(payer: BillingAccount, member: BillingAccount) -> None:
    join(payer, member)
    build.held(member, build.offer(family_limit=2))
    with pytest.raises(families.AlreadyInFamily):
        invite(member, money.account())


def test_whoever_leaves_pays_for_himself_from_next_month_and_may_join_another_then(
    payer: BillingAccount, member: BillingAccount
) -> None:
    row = join(payer, member)
    FamilyMember.objects.filter(pk=row.pk).exists()
    left = families.end_membership(member_id=row.pk, actor=ACTOR, as_of=noon(day(12, 10)))
    assert (left.active_from, left.active_to) == (NEXT_MONTH, day(1, 1, 2027))
    with pytest.raises(NotFound):
        families.end_membership(member_id=row.pk, actor=ACTOR, as_of=noon(day(12, 11)))
    other = money.account()
    build.held(other, build.offer(family_limit=2))
    asked = families.invite(
        payer_id=other.pk, account_number=member.number, actor=ACTOR, as_of=noon(day(12, 11))
    )
    again = families.accept(reference=asked.reference, slip_id=None, actor=ACTOR, as_of=noon(day(12, 11)))
    assert again.active_from == day(1, 1, 2027)


def test_whoever_leaves_before_he_joins_never_does(payer: BillingAccount, member: BillingAccount) -> None:
    row = families.end_membership(member_id=join(payer, member).pk, **HOW)
    assert row.active_from == row.active_to
    assert payers.of_account(member.pk, on=NEXT_MONTH) == member.pk


def test_the_payer_does_not_leave_his_own(payer: BillingAccount, member: BillingAccount) -> None:
    join(payer, member)
    own = FamilyMember.objects.get(account=payer)
    with pytest.raises(NotFound):
        families.end_membership(member_id=own.pk, **HOW)


def test_leaving_and_removing_are_told_of_and_a_stranger_can_do_neither(
    head: User,
    li: User,
    payer: BillingAccount,
    member: BillingAccount,
    django_capture_on_commit_callbacks: Committed,
) -> None:
    row = join(payer, member)
    bob = proven("+8613800000003")
    for operation in ("family.leave", "family.remove"):
        with pytest.raises(Forbidden):
            Desk(bob, django_capture_on_commit_callbacks).quote(operation, row=references.of(row))
    desk = Desk(head, django_capture_on_commit_callbacks)
    assert desk.confirmed("family.remove", by=PAYER, row=references.of(row)).state == SlipState.DONE
    row.refresh_from_db()
    assert row.active_to == row.active_from
    assert "不再属于原来的家庭" in Delivery.objects.filter(address=MEMBER).latest("pk").body


def test_an_invitation_ends_once(payer: BillingAccount, member: BillingAccount) -> None:
    row = invite(payer, member)
    assert families.decline(reference=row.reference, **HOW).state == "DECLINED"
    for act in (families.decline, families.withdraw):
        with pytest.raises(families.FamilyInvitationOver):
            act(reference=row.reference, **HOW)
    with pytest.raises(families.FamilyInvitationOver):
        families.accept(reference=row.reference, slip_id=None, **HOW)
    assert not FamilyMember.objects.filter(account=member).exists()


def test_an_invitation_runs_out(payer: BillingAccount, member: BillingAccount) -> None:
    row = invite(payer, member)
    late = NOON + timedelta(days=8)
    with pytest.raises(families.FamilyInvitationOver):
        families.accept(reference=row.reference, slip_id=None, actor=ACTOR, as_of=late)
    assert families.end_late(actor=ACTOR, as_of=late) == 1
    row.refresh_from_db()
    assert row.state == "EXPIRED"


def test_closed_accounts_join_nothing(payer: BillingAccount, member: BillingAccount) -> None:
    row = invite(payer, member)
    account_services.close_account(account_id=member.pk, as_of=NOON)
    with pytest.raises(AccountClosed):
        families.accept(reference=row.reference, slip_id=None, **HOW)


def test_too_many_invitations_in_a_day(
    payer: BillingAccount, member: BillingAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(families, "MOST_A_DAY", 1)
    families.withdraw(reference=invite(payer, member).reference, **HOW)
    with pytest.raises(families.TooManyFamilyInvitations):
        invite(payer, member)


def the_offer(payer: BillingAccount) -> Subscription:
    return Subscription.objects.get(account=payer, state="ACTIVE")


def test_a_family_ends_with_its_offer(payer: BillingAccount, member: BillingAccount) -> None:
    row = join(payer, member)
    slip = build.slip(payer)
    subscriptions.set_end(
        number=the_offer(payer).number, on=day(12, 15), slip_id=slip.pk, actor=ACTOR, as_of=noon(day(12, 15))
    )
    build.switch(noon(day(12, 15)))
    row.refresh_from_db()
    assert row.active_to == day(1, 1, 2027)  # the month that has begun has one payer
    assert reads.family_of(payer) is None
    again = build.held(payer, build.offer(family_limit=1), begins_on=day(12, 20))
    asked = families.invite(
        payer_id=payer.pk, account_number=money.account().number, actor=ACTOR, as_of=noon(day(12, 20))
    )
    assert asked.family.subscription == again


def test_a_family_goes_on_with_the_offer_to_which_its_payer_changes(
    payer: BillingAccount, member: BillingAccount
) -> None:
    row, old = join(payer, member), the_offer(payer)
    larger = build.offer(family_limit=9)
    new = subscriptions.turn(
        number=old.number, wanted=Wanted(offer_id=larger.pk), slip_id=build.change(old, larger).pk, **HOW
    )
    build.switch()
    row.refresh_from_db()
    assert (row.family.subscription, row.active_to) == (new, None)


def test_the_page_shows_each_side_its_own_and_strangers_nothing(
    client: Client, head: User, li: User, payer: BillingAccount, member: BillingAccount
) -> None:
    pending = invite(payer, "9900000099")
    row = join(payer, member)
    client.force_login(head)
    page = client.get(reverse("catalog:family")).content.decode()
    assert all(
        text in page for text in (member.number, "9900000099", references.of(row), references.of(pending))
    )
    client.force_login(li)
    page = client.get(reverse("catalog:family")).content.decode()
    assert f"****{payer.number[-4:]}" in page
    assert payer.number not in page
    client.force_login(proven("+8613800000003"))
    page = client.get(reverse("catalog:family")).content.decode()
    assert member.number not in page
    assert "还没有家庭共享" in page


def test_the_invited_sees_it_and_the_buttons_lead_to_the_quote(
    client: Client, li: User, payer: BillingAccount, member: BillingAccount
) -> None:
    row = invite(payer, member)
    client.force_login(li)
    assert references.of(row) in client.get(reverse("catalog:family")).content.decode()
    answer = client.post(
        reverse("operations:form", args=["family.join"]), {"_step": "quote", "row": references.of(row)}
    )
    assert answer.status_code == 200
    assert "从次月 1 日起" in answer.content.decode()
