"""Beginning to serve a customer and ending it: who may, whom, and what stays of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import posts
from accounts.models import Contact, Membership, MembershipHistory, Post, Region, User
from accounts.services import stand_ins
from core.errors import Forbidden, HallError
from core.models import AuditRow
from operations.serving import rights, search, sessions
from operations.serving.models import ServingHistory, ServingSession, ServingState
from tests.billing import build
from tests.conftest import NOON
from tests.operations.serving import clerks

pytestmark = pytest.mark.django_db


@pytest.fixture
def there(here: Region) -> Region:
    return clerks.region("B", here.parent)


def refused(error: type[HallError], *given: Any) -> None:
    """Neither a session nor a stand-in is left."""
    before = (ServingSession.objects.count(), Membership.objects.count())
    with pytest.raises(error):
        clerks.serve(*given)
    assert (ServingSession.objects.count(), Membership.objects.count()) == before


def test_a_session_says_who_serves_whom_why_and_since_when(clerk: User, here: Region) -> None:
    alice, account = clerks.customer(here)
    session = clerks.serve(clerk, account, alice)
    assert (session.clerk, session.served, session.account) == (clerk, alice, account)
    assert (session.state, session.reason, session.began_at) == (ServingState.OPEN, "客户到店", NOON)
    row = AuditRow.objects.get(action="operations.serving.open")
    assert (row.actor, row.reason, row.address) == (f"user:{clerk.pk}", "客户到店", "192.0.2.7")
    assert row.detail == {"account": account.number, "served": f"user:{session.served_id}"}


@pytest.mark.parametrize("login", [True, False])
def test_who_would_read_the_customer_s_code_himself_serves_him_not(
    clerk: User, here: Region, login: bool
) -> None:
    """Without a login the code goes to the account's contact: "no code, no act" must not be the clerk's own phone."""
    User.objects.filter(pk=clerk.pk).update(phone="+8613800000055", phone_verified_at=NOON)
    clerk.refresh_from_db()
    alice, account = clerks.customer(here, login=login)
    Contact.objects.update_or_create(
        account=account, kind="PHONE", value=clerk.phone, defaults={"created_at": NOON}
    )
    refused(rights.ServesHimself, clerk, account, alice)


def test_a_reason_is_wanted(clerk: User, here: Region) -> None:
    alice, account = clerks.customer(here)
    with pytest.raises(sessions.ReasonMissing):
        sessions.begin(
            clerk_id=clerk.pk, account_id=account.pk, user_id=None, reason=" 一 ", address=None, as_of=NOON
        )
    assert not ServingSession.objects.exists()


def test_a_customer_of_another_region_is_not_served(clerk: User, there: Region) -> None:
    alice, account = clerks.customer(there)
    refused(rights.OutOfRegion, clerk, account, alice)
    assert search.find(account.number, clerk=clerk, as_of=NOON) == []


def test_all_that_the_customer_sees_must_be_in_the_region(clerk: User, here: Region, there: Region) -> None:
    alice, account = clerks.customer(here)
    _nobody, far = clerks.customer(there, login=False, phone="+8613800000009")
    assert alice is not None
    clerks.bind(alice, far)
    refused(rights.OutOfRegion, clerk, account, alice)


def test_an_account_without_a_region_is_the_whole_operators(clerk: User, here: Region) -> None:
    alice, account = clerks.customer(None)
    refused(rights.OutOfRegion, clerk, account, alice)
    assert here.parent is not None
    head = clerks.clerk(here.parent, "1")
    assert clerks.serve(head, account, alice).state == ServingState.OPEN


def test_only_at_a_post_with_a_certificate(here: Region) -> None:
    alice, account = clerks.customer(here)
    new = clerks.clerk(here, "2000", certified=False)
    refused(posts.CertificateMissing, new, account, alice)
    late = clerks.clerk(here, "2001", certified=False)
    clerks.certify(late, days=-1)
    refused(posts.CertificateExpired, late, account, alice)
    gone = clerks.clerk(here, "2002")
    Post.objects.filter(user=gone).update(active_to=clerks.TODAY)
    refused(Forbidden, User.objects.get(pk=gone.pk), account, alice)


def test_nobody_serves_himself(clerk: User, here: Region) -> None:
    alice, account = clerks.customer(here)
    clerks.bind(clerk, account)
    refused(rights.ServesHimself, clerk, account, alice)


def test_staff_are_not_shown_as_customers(clerk: User, here: Region) -> None:
    colleague = clerks.clerk(here, "3000")
    _nobody, account = clerks.customer(here, login=False)
    clerks.bind(colleague, account, Membership.Role.OWNER)
    refused(rights.NotACustomer, clerk, account, colleague)
    found = search.find(account.number, clerk=clerk, as_of=NOON)
    assert [each.user for each in found] == [None]


def test_a_stranger_to_the_account_is_not_its_customer(clerk: User, here: Region) -> None:
    alice, _hers = clerks.customer(here)
    _nobody, account = clerks.customer(here, login=False, phone="+8613800000009")
    refused(rights.NotACustomer, clerk, account, alice)


def test_who_never_logged_in_is_served_by_his_account(clerk: User, here: Region) -> None:
    _nobody, account = clerks.customer(here, login=False)
    session = clerks.serve(clerk, account, None)
    served = session.served
    assert stand_ins.is_one(served)
    assert not served.is_active
    assert not served.has_usable_password()
    assert Membership.objects.get(user=served).account == account
    ended(session)
    assert not Membership.objects.filter(user=served).exists()
    assert [row.change for row in MembershipHistory.objects.order_by("pk")] == ["ADDED", "REMOVED"]
    again = clerks.serve(clerk, account, None)
    assert again.served == served


def test_no_stand_in_where_an_owner_has_a_login(clerk: User, here: Region) -> None:
    _alice, account = clerks.customer(here)
    refused(sessions.HasLogin, clerk, account, None)


def test_two_clerks_share_a_stand_in_until_the_last_one_ends(clerk: User, here: Region) -> None:
    _nobody, account = clerks.customer(here, login=False)
    first = clerks.serve(clerk, account, None)
    second = clerks.serve(clerks.clerk(here, "1025"), account, None)
    ended(first)
    assert Membership.objects.filter(user=second.served).exists()
    ended(second)
    assert not Membership.objects.filter(user=second.served).exists()


def test_the_name_of_a_stand_in_cannot_be_typed() -> None:
    validators = User._meta.get_field("username").validators
    with pytest.raises(ValidationError):
        [check("account:8100000001") for check in validators]


def ended(session: ServingSession, state: ServingState = ServingState.ENDED) -> ServingSession:
    return sessions.end(session_id=session.pk, state=state, actor=build.ACTOR, as_of=NOON)


def test_ending_twice_is_ending_once(clerk: User, here: Region) -> None:
    alice, account = clerks.customer(here)
    session = clerks.serve(clerk, account, alice)
    ended(session)
    assert ended(session, ServingState.LOGGED_OUT).state == ServingState.ENDED
    steps = ServingHistory.objects.order_by("pk").values_list("from_state", "to_state")
    assert list(steps) == [("", "OPEN"), ("OPEN", "ENDED")]


def test_one_customer_at_a_time(clerk: User, here: Region) -> None:
    alice, account = clerks.customer(here)
    bob, other = clerks.customer(here, phone="+8613800000009")
    first = clerks.serve(clerk, account, alice)
    clerks.serve(clerk, other, bob)
    first.refresh_from_db()
    assert first.state == ServingState.ENDED
    assert alice is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        ServingSession.objects.create(
            clerk=clerk, served=alice, account=account, reason="x", began_at=NOON, last_seen_at=NOON
        )


def test_it_ends_after_fifteen_minutes_of_nothing(clerk: User, here: Region) -> None:
    alice, account = clerks.customer(here)
    session = clerks.serve(clerk, account, alice)
    almost, late = NOON + timedelta(minutes=14, seconds=59), NOON + timedelta(minutes=15)
    assert sessions.end_idle(as_of=almost) == 0
    assert sessions.present(session_id=session.pk, clerk=clerk, as_of=almost) == session
    with pytest.raises(sessions.NotServing):
        sessions.present(session_id=session.pk, clerk=clerk, as_of=late)
    session.refresh_from_db()
    assert (session.state, session.ended_at) == (ServingState.IDLE, late)


def test_what_a_clerk_left_open_is_swept(clerk: User, here: Region) -> None:
    _nobody, account = clerks.customer(here, login=False)
    session = clerks.serve(clerk, account, None)
    sessions.seen(session, as_of=NOON + timedelta(minutes=10))
    assert sessions.end_idle(as_of=NOON + timedelta(minutes=20)) == 0
    assert sessions.end_idle(as_of=NOON + timedelta(minutes=25)) == 1
    assert sessions.end_idle(as_of=NOON + timedelta(minutes=25)) == 0
    assert not Membership.objects.exists()


def test_who_loses_his_post_stops_at_once(clerk: User, here: Region) -> None:
    alice, account = clerks.customer(here)
    session = clerks.serve(clerk, account, alice)
    Post.objects.filter(user=clerk).update(active_to=clerks.TODAY)
    with pytest.raises(Forbidden):
        sessions.present(session_id=session.pk, clerk=User.objects.get(pk=clerk.pk), as_of=NOON)
    session.refresh_from_db()
    assert session.state == ServingState.STOPPED


def test_an_account_elsewhere_that_he_binds_meanwhile_stops_it(
    clerk: User, here: Region, there: Region
) -> None:
    alice, account = clerks.customer(here)
    assert alice is not None
    session = clerks.serve(clerk, account, alice)
    _nobody, far = clerks.customer(there, login=False, phone="+8613800000009")
    clerks.bind(alice, far)
    with pytest.raises(rights.OutOfRegion):
        sessions.present(session_id=session.pk, clerk=clerk, as_of=NOON)


def test_anothers_session_is_none(clerk: User, here: Region) -> None:
    alice, account = clerks.customer(here)
    session = clerks.serve(clerk, account, alice)
    with pytest.raises(sessions.NotServing):
        sessions.present(session_id=session.pk, clerk=clerks.clerk(here, "1025"), as_of=NOON)
    session.refresh_from_db()
    assert session.state == ServingState.OPEN


@pytest.mark.parametrize("how", ["number", "customer", "phone"])
def test_found_by_number_customer_or_phone(clerk: User, here: Region, how: str) -> None:
    alice, account = clerks.customer(here)
    terms = {"number": account.number, "customer": account.customer.number, "phone": "138 0000 0001"}
    [found] = search.find(terms[how], clerk=clerk, as_of=NOON)
    assert (found.user, found.account) == (alice, account)
    assert (found.name, found.phone) == ("**明", "138****0001")


@pytest.mark.parametrize("term", ["", "%", "王小明", "8100", "+1 555", "' OR 1=1"])
def test_nothing_is_found_by_parts(clerk: User, here: Region, term: str) -> None:
    clerks.customer(here)
    assert search.find(term, clerk=clerk, as_of=NOON) == []
