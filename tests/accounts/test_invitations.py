"""member.invite and what follows: accepted, declined, taken back, expired; and nothing told of who has the phone."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Invitation, Membership, MembershipHistory, User
from accounts.services import accounts as account_services
from accounts.services import invitations, members
from core.errors import Forbidden, NotFound
from notices.models import Delivery
from operations.models import Slip, SlipState
from tests.accounts import build
from tests.accounts.desk import Committed, Desk
from tests.accounts.sms import text_to
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
NOBODY = "+8613800000009"  # no user has it
DAY = timedelta(days=1)


@pytest.fixture
def li() -> User:
    return build.user(build.OTHER_PHONE, name="李四")


@pytest.fixture
def desk(alice: User, django_capture_on_commit_callbacks: Committed) -> Desk:
    return Desk(alice, django_capture_on_commit_callbacks)


def invite(
    account: BillingAccount, by: User, phone: str = build.OTHER_PHONE, role: str = "PAYER"
) -> Invitation:
    return invitations.invite(
        account_id=account.pk, phone=phone, role=role, invited_by=by, actor=build.ACTOR, as_of=NOON
    )


def test_the_whole_way(
    desk: Desk, li: User, account: BillingAccount, django_capture_on_commit_callbacks: Committed
) -> None:
    raw = {"account": account.number, "phone": "138 0000 0002", "role": "PAYER"}
    slip = desk.confirmed("member.invite", by=build.PHONE, **raw)
    assert slip.state == SlipState.DONE
    assert "phone" not in slip.data
    assert build.OTHER_PHONE not in str(slip.quote)
    told = text_to(build.OTHER_PHONE)
    assert "**明 邀请您共同使用尾号 0001 的户号，7 天内有效" in told
    row = Invitation.objects.get()
    theirs = Desk(li, django_capture_on_commit_callbacks)
    assert theirs.submit("member.accept", invitation=row.reference).state == SlipState.DONE
    row.refresh_from_db()
    assert (row.state, row.ended_by) == ("ACCEPTED", f"user:{li.pk}")
    assert Membership.objects.get(user=li).role == "PAYER"
    history = MembershipHistory.objects.latest("pk")
    assert (history.user_ref, history.change, history.role) == (f"user:{li.pk}", "ADDED", "PAYER")


def test_the_invited_sees_it_on_his_pages_and_nobody_else_does(
    account: BillingAccount, alice: User, li: User, client: Client
) -> None:
    row = invite(account, alice)
    client.force_login(li)
    for path in ("accounts:profile", "accounts:accounts"):
        assert row.reference in client.get(reverse(path)).content.decode()
    client.force_login(build.user("+8613800000066"))
    assert row.reference not in client.get(reverse("accounts:accounts")).content.decode()


def test_a_mere_claim_on_the_phone_accepts_nothing(
    account: BillingAccount, alice: User, django_capture_on_commit_callbacks: Committed
) -> None:
    row = invite(account, alice)
    bob = User.objects.create(username="bob", phone=build.OTHER_PHONE)
    assert Desk(bob, django_capture_on_commit_callbacks).refusal(
        "member.accept", invitation=row.reference
    ) in ("FORBIDDEN", "INVALID_INPUT")
    for act in (invitations.accept, invitations.decline, invitations.withdraw):
        with pytest.raises(NotFound):
            act(reference=row.reference, user=bob, actor=build.ACTOR, as_of=NOON)
    row.refresh_from_db()
    assert (row.state, Membership.objects.count()) == ("PENDING", 1)


def test_known_and_unknown_phones_cannot_be_told_apart(desk: Desk, li: User, account: BillingAccount) -> None:
    answers = []
    for phone in (build.OTHER_PHONE, NOBODY):
        raw = {"account": account.number, "phone": phone, "role": "VIEWER"}
        quoted = desk.quote("member.invite", **raw).quote.as_json()
        answers.append(str(quoted).replace(phone[-4:], "NNNN"))
        desk.confirmed("member.invite", by=build.PHONE, **raw)
        desk.later(minutes=2)
    assert answers[0] == answers[1]
    assert [row.state for row in Invitation.objects.all()] == ["PENDING"] * 2
    assert Delivery.objects.filter(address__in=[build.OTHER_PHONE, NOBODY]).count() == 2


def test_declined(
    account: BillingAccount, alice: User, li: User, django_capture_on_commit_callbacks: Committed
) -> None:
    row = invite(account, alice)
    Desk(li, django_capture_on_commit_callbacks).submit("member.decline", invitation=row.reference)
    row.refresh_from_db()
    assert (row.state, Membership.objects.filter(user=li).exists()) == ("DECLINED", False)
    with pytest.raises(invitations.InvitationOver):
        invitations.accept(reference=row.reference, user=li, actor=build.ACTOR, as_of=NOON)


def test_taken_back(desk: Desk, account: BillingAccount, alice: User, li: User) -> None:
    row = invite(account, alice)
    desk.submit("member.withdraw", invitation=row.reference)
    with pytest.raises(invitations.InvitationOver):
        invitations.accept(reference=row.reference, user=li, actor=build.ACTOR, as_of=NOON)
    assert not Membership.objects.filter(user=li).exists()


def test_it_expires_after_seven_days(
    account: BillingAccount, alice: User, li: User, django_capture_on_commit_callbacks: Committed
) -> None:
    row, late = invite(account, alice), NOON + 7 * DAY
    with pytest.raises(invitations.InvitationOver):
        invitations.accept(reference=row.reference, user=li, actor=build.ACTOR, as_of=late)
    desk = Desk(li, django_capture_on_commit_callbacks).later(days=7)
    assert desk.refusal("member.accept", invitation=row.reference) == "FORBIDDEN"
    assert invitations.end_late(actor=build.ACTOR, as_of=late) == 1
    row.refresh_from_db()
    assert row.state == "EXPIRED"
    assert not Membership.objects.filter(user=li).exists()


def test_one_that_ran_out_stands_in_nobody_s_way(account: BillingAccount, alice: User) -> None:
    invite(account, alice)
    again = invitations.invite(
        account_id=account.pk,
        phone=build.OTHER_PHONE,
        role="VIEWER",
        invited_by=alice,
        actor=build.ACTOR,
        as_of=NOON + 8 * DAY,
    )
    assert list(Invitation.objects.order_by("pk").values_list("state", flat=True)) == ["EXPIRED", "PENDING"]
    assert again.is_open(NOON + 8 * DAY)


def test_an_owner_who_was_one_no_more_let_nobody_in(account: BillingAccount, alice: User, li: User) -> None:
    row = invite(account, alice)
    Membership.objects.filter(user=alice).update(role="VIEWER")
    with pytest.raises(invitations.InvitationOver):
        invitations.accept(reference=row.reference, user=li, actor=build.ACTOR, as_of=NOON)
    assert not Membership.objects.filter(user=li).exists()


@pytest.mark.parametrize("role", ["PAYER", "VIEWER", "HANDLER"])
def test_only_owners_invite(account: BillingAccount, alice: User, li: User, role: str) -> None:
    build.bind(li, account, role)
    with pytest.raises(Forbidden):
        invite(account, li, NOBODY)
    assert not Invitation.objects.exists()


def test_twice_is_refused(account: BillingAccount, alice: User) -> None:
    invite(account, alice)
    with pytest.raises(invitations.AlreadyInvited):
        invite(account, alice)


def test_a_member_is_not_invited_again(account: BillingAccount, alice: User, li: User) -> None:
    build.bind(li, account, "VIEWER")
    with pytest.raises(members.AlreadyBound):
        invite(account, alice)


def test_so_many_and_no_more(account: BillingAccount, alice: User) -> None:
    for n in range(4):
        invite(account, alice, f"+861380000010{n}")
    with pytest.raises(invitations.TooManyMembers):
        invite(account, alice, NOBODY)
    assert Invitation.objects.count() == 4


def test_nobody_invites_all_day(
    account: BillingAccount, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MOST_A_DAY", 2)
    for n in range(2):
        invite(account, alice, f"+861380000010{n}")
    with pytest.raises(invitations.TooManyInvitations):
        invite(account, alice, NOBODY)


def test_a_phone_is_not_made_to_ring_all_day(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST_TO_A_PHONE", 2)
    for n in range(4):
        account = build.account(f"820000000{n}")
        build.bind(alice, account)
        invite(account, alice)
    assert Invitation.objects.count() == 4
    assert Delivery.objects.filter(address=build.OTHER_PHONE).count() == 2


def test_a_closed_account_takes_no_guests(account: BillingAccount, alice: User, li: User) -> None:
    row = invite(account, alice)
    account_services.close_account(account_id=account.pk, as_of=NOON)
    with pytest.raises(account_services.AccountClosed):
        invite(account, alice, NOBODY)
    with pytest.raises(account_services.AccountClosed):
        invitations.accept(reference=row.reference, user=li, actor=build.ACTOR, as_of=NOON)
    assert not Membership.objects.filter(user=li).exists()
    with pytest.raises(IntegrityError, match="no new members"), transaction.atomic():
        Membership.objects.create(user=li, account=account, role="VIEWER", created_at=NOON)


def test_a_family_has_no_handler(desk: Desk, account: BillingAccount) -> None:
    raw = {"account": account.number, "phone": NOBODY, "role": "HANDLER"}
    assert desk.refusal("member.invite", **raw) == "INVALID_INPUT"
    assert not Slip.objects.exists()


def test_the_law_keeps_what_an_invitation_says(account: BillingAccount, alice: User) -> None:
    invite(account, alice)
    with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
        Invitation.objects.update(role="OWNER")
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        Invitation.objects.all().delete()


@pytest.mark.parametrize("how", ["removed", "lowered"])
def test_an_older_invitation_does_not_bring_a_member_back(
    alice: User, li: User, account: BillingAccount, how: str
) -> None:
    """Invited, then bound by the contact's code, then put down again: what he was promised first is over."""
    row = invite(account, alice, role="OWNER")
    build.bind(li, account, "PAYER")
    told: dict[str, Any] = {
        "user_id": li.pk,
        "account_id": account.pk,
        "by_id": alice.pk,
        "actor": build.ACTOR,
        "as_of": NOON,
    }
    if how == "removed":
        members.remove(**told)
    else:
        members.change_role(role="VIEWER", **told)
    with pytest.raises(invitations.InvitationOver):
        invitations.accept(reference=row.reference, user=li, actor=build.ACTOR, as_of=NOON)
    assert not Membership.objects.filter(user=li, role="OWNER").exists()
