"""member.leave, member.remove, member.role: who goes, who stays, and what ends with a membership."""

from typing import Any

import pytest
from django.db import transaction

from accounts import references
from accounts.models import BillingAccount, Membership, MembershipHistory, User
from accounts.services import members
from billing.models import DebitAgreement
from core import outbox
from core.errors import Forbidden, NotFound
from operations.models import SlipState
from tests.accounts import build
from tests.accounts.desk import Committed, Desk
from tests.accounts.sms import text_to
from tests.conftest import NOON
from tests.threads import together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def li(account: BillingAccount, alice: User) -> User:
    user = build.user(build.OTHER_PHONE, name="李四")
    build.bind(user, account, "PAYER")
    return user


def desk_of(user: User, committed: Committed) -> Desk:
    return Desk(user, committed)


def test_a_payer_leaves(
    account: BillingAccount, li: User, django_capture_on_commit_callbacks: Committed
) -> None:
    desk = desk_of(li, django_capture_on_commit_callbacks)
    assert desk.submit("member.leave", account=account.number).state == SlipState.DONE
    assert not Membership.objects.filter(user=li).exists()
    row = MembershipHistory.objects.latest("pk")
    assert (row.user_ref, row.change, row.actor) == (f"user:{li.pk}", "REMOVED", f"user:{li.pk}")


def test_the_last_owner_leaves_nobody_behind(
    account: BillingAccount, alice: User, li: User, django_capture_on_commit_callbacks: Committed
) -> None:
    desk = desk_of(alice, django_capture_on_commit_callbacks)
    assert desk.refusal("member.leave", account=account.number) == "LAST_OWNER"
    with pytest.raises(members.LastOwner):
        members.leave(user_id=alice.pk, account_id=account.pk, actor=build.ACTOR, as_of=NOON)
    assert Membership.objects.count() == 2


def test_who_is_alone_leaves_not_in_silence(
    account: BillingAccount, alice: User, django_capture_on_commit_callbacks: Committed
) -> None:
    desk = desk_of(alice, django_capture_on_commit_callbacks)
    assert "唯一的户主" in str(desk.quote("member.leave", account=account.number).quote.warnings)
    desk.submit("member.leave", account=account.number)
    assert not Membership.objects.exists()
    assert "已没有户主" in text_to(build.PHONE)


def test_one_of_two_owners_leaves_and_the_other_stays(account: BillingAccount, alice: User, li: User) -> None:
    members.bind(user_id=li.pk, account_id=account.pk, role="OWNER", actor=build.ACTOR, as_of=NOON)
    members.leave(user_id=alice.pk, account_id=account.pk, actor=build.ACTOR, as_of=NOON)
    assert Membership.objects.get().user == li
    assert text_to(build.PHONE) == ""


def test_bob_leaves_and_removes_nothing_of_others(
    account: BillingAccount, alice: User, li: User, django_capture_on_commit_callbacks: Committed
) -> None:
    bob = build.user("+8613800000066")
    desk = desk_of(bob, django_capture_on_commit_callbacks)
    reference = references.of(Membership.objects.get(user=li))
    assert desk.refusal("member.leave", account=account.number) == "FORBIDDEN"
    assert desk.refusal("member.remove", member=reference) == "FORBIDDEN"
    with pytest.raises(NotFound):
        members.leave(user_id=bob.pk, account_id=account.pk, actor=build.ACTOR, as_of=NOON)
    with pytest.raises(NotFound):
        members.remove(user_id=li.pk, account_id=account.pk, by_id=bob.pk, actor=build.ACTOR, as_of=NOON)
    assert Membership.objects.count() == 2


def test_an_owner_removes_a_payer_who_is_told(
    account: BillingAccount, alice: User, li: User, django_capture_on_commit_callbacks: Committed
) -> None:
    desk = desk_of(alice, django_capture_on_commit_callbacks)
    desk.submit("member.remove", member=references.of(Membership.objects.get(user=li)))
    assert list(Membership.objects.values_list("user", flat=True)) == [alice.pk]
    assert "不再是尾号 0001 户号的成员" in text_to(build.OTHER_PHONE)
    assert MembershipHistory.objects.latest("pk").actor == f"user:{alice.pk}"


def test_nobody_throws_an_owner_out(account: BillingAccount, alice: User, li: User) -> None:
    members.bind(user_id=li.pk, account_id=account.pk, role="OWNER", actor=build.ACTOR, as_of=NOON)
    how: dict[str, Any] = {"account_id": account.pk, "by_id": alice.pk, "actor": build.ACTOR, "as_of": NOON}
    with pytest.raises(members.OwnersStay):
        members.remove(user_id=li.pk, **how)
    with pytest.raises(members.OwnersStay):
        members.change_role(user_id=li.pk, role="VIEWER", **how)
    assert Membership.objects.filter(role="OWNER").count() == 2


def test_a_payer_removes_nobody(account: BillingAccount, alice: User, li: User) -> None:
    with pytest.raises(Forbidden):
        members.remove(user_id=alice.pk, account_id=account.pk, by_id=li.pk, actor=build.ACTOR, as_of=NOON)
    assert Membership.objects.count() == 2


def test_a_role_is_changed_with_a_code(
    account: BillingAccount, alice: User, li: User, django_capture_on_commit_callbacks: Committed
) -> None:
    desk = desk_of(alice, django_capture_on_commit_callbacks)
    raw = {"member": references.of(Membership.objects.get(user=li)), "role": "VIEWER"}
    desk.confirmed("member.role", by=build.PHONE, **raw)
    assert Membership.objects.get(user=li).role == "VIEWER"
    row = MembershipHistory.objects.latest("pk")
    assert (row.change, row.role) == ("CHANGED", "VIEWER")
    assert desk.refusal("member.role", **raw) == "ALREADY_BOUND"


def test_who_leaves_no_longer_pays_by_his_bank(account: BillingAccount, alice: User, li: User) -> None:
    members.bind(user_id=li.pk, account_id=account.pk, role="OWNER", actor=build.ACTOR, as_of=NOON)
    common = {
        "account": account,
        "gateway": "bank_debit",
        "max_cents": 1,
        "created_at": NOON,
        "sign_by": NOON,
    }
    mine = DebitAgreement.objects.create(reference="alice", user=alice, **common)
    members.leave(user_id=alice.pk, account_id=account.pk, actor=build.ACTOR, as_of=NOON)
    while outbox.dispatch(as_of=NOON):
        pass
    mine.refresh_from_db()
    assert mine.state == "ENDED"


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_leave_at_the_same_moment_leave_no_orphans() -> None:
    account = build.account()
    owners = [build.user(f"+861380000020{n}") for n in range(2)]
    for owner in owners:
        build.bind(owner, account)
    build.bind(build.user("+8613800000209"), account, "PAYER")

    def leave(user: User) -> str:
        try:
            with transaction.atomic():
                members.leave(user_id=user.pk, account_id=account.pk, actor=build.ACTOR, as_of=NOON)
        except members.LastOwner as error:
            return error.code
        return "LEFT"

    assert sorted(together(lambda: leave(owners[0]), lambda: leave(owners[1]))) == ["LAST_OWNER", "LEFT"]
    assert Membership.objects.filter(role="OWNER").count() == 1
