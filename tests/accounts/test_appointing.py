"""Giving and ending posts, and recording certificates: by whom, where, and never for oneself."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group

from accounts import approvals as requests
from accounts import posts
from accounts.models import Region, RoleRule, User
from accounts.services import staff
from core import approvals
from core.actor import Actor
from core.errors import Forbidden
from core.models import Approval, AuditRow
from tests.accounts.test_posts import TODAY, clerk, hold, role, tree
from tests.admin.build import superuser
from tests.billing import build as money
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
__all__ = ["tree"]  # a fixture


@pytest.fixture
def rules() -> dict[str, Group]:
    """Chiefs give posts of clerks; administrators give both, and their own role with a second person."""
    chief = role("chief", "accounts.appoint_post")
    administrator = role("administrator", "accounts.appoint_post", "accounts.approve_post")
    clerks = role("clerks")
    for given, by, second in (
        (clerks, [chief, administrator], False),
        (chief, [administrator], False),
        (administrator, [administrator], True),
    ):
        RoleRule.objects.create(role=given, needs_second_person=second).granted_by.set(by)
    return {"chief": chief, "administrator": administrator, "clerk": clerks}


def posted(username: str, of: Group, region: Region) -> User:
    user = clerk(username)
    hold(user, of, region, active_from=date(2020, 1, 1))
    return user


def appoint(by: User, user: User, of: Group, region: Region, **more: Any) -> Any:
    given: dict[str, Any] = {"active_from": TODAY, "active_to": None, "reason": "岗位需要", "as_of": NOON}
    return requests.submit(user=user, role=of, region=region, actor=Actor.user(by), **given | more)


def test_a_chief_appoints_clerks_below_him(tree: dict[str, Region], rules: dict[str, Group]) -> None:
    chief, new = posted("chief", rules["chief"], tree["P"]), clerk("new")
    appoint(chief, new, rules["clerk"], tree["H"])
    post = new.posts.get()
    assert (post.appointed_by, post.region, post.active_from) == (chief, tree["H"], TODAY)
    audit = AuditRow.objects.get(action="accounts.appointment")
    assert (audit.object_id, audit.region_id, audit.reason) == (str(new.pk), tree["H"].pk, "岗位需要")


def test_what_may_not_be_granted(tree: dict[str, Region], rules: dict[str, Group]) -> None:
    chief, new = posted("chief", rules["chief"], tree["C1"]), clerk("new")
    for of, region in (("clerk", "C2"), ("clerk", "P"), ("chief", "H"), ("administrator", "H")):
        with pytest.raises(staff.MayNotGrant):
            appoint(chief, new, rules[of], tree[region])
    with pytest.raises(staff.NotForOneself):
        appoint(chief, chief, rules["clerk"], tree["H"])
    with pytest.raises(staff.MayNotGrant):
        appoint(posted("plain", rules["clerk"], tree["C1"]), new, rules["clerk"], tree["H"])
    with pytest.raises(staff.NotStaff):
        appoint(chief, money.user(), rules["clerk"], tree["H"])
    assert not new.posts.exists()
    assert not AuditRow.objects.exists()


def test_a_role_without_a_rule_is_given_by_superusers(
    tree: dict[str, Region], rules: dict[str, Group]
) -> None:
    plain, new = role("plain role"), clerk("new")
    with pytest.raises(staff.MayNotGrant):
        appoint(posted("admin", rules["administrator"], tree["top"]), new, plain, tree["H"])
    appoint(superuser(), new, plain, tree["H"])
    assert new.posts.count() == 1


def test_an_administrator_needs_a_second_person(tree: dict[str, Region], rules: dict[str, Group]) -> None:
    first, second = (posted(name, rules["administrator"], tree["top"]) for name in ("first", "second"))
    new = clerk("new")
    asked = appoint(first, new, rules["administrator"], tree["top"]).approval
    assert asked is not None
    assert not new.posts.exists()
    decide: dict[str, Any] = {"approval_id": asked.pk, "approve": True, "reason": "同意", "as_of": NOON}
    for person in (first, new):
        with pytest.raises(Forbidden):
            approvals.decide(actor=Actor.user(person), **decide)
    assert not new.posts.exists()
    approvals.decide(actor=Actor.user(second), **decide)
    assert new.posts.get().appointed_by == first


def test_superusers_need_one_too(tree: dict[str, Region], rules: dict[str, Group]) -> None:
    new = clerk("new")
    assert appoint(superuser(), new, rules["administrator"], tree["top"]).approval is not None
    assert not new.posts.exists()
    assert Approval.objects.get().amount_cents == 0


def test_posts_do_not_overlap(tree: dict[str, Region], rules: dict[str, Group]) -> None:
    chief, new = posted("chief", rules["chief"], tree["P"]), clerk("new")
    end = TODAY + timedelta(days=10)
    appoint(chief, new, rules["clerk"], tree["H"], active_to=end)
    for first, until in ((TODAY, None), (TODAY - timedelta(days=5), TODAY + timedelta(days=1)), (TODAY, end)):
        with pytest.raises(staff.AlreadyHeld):
            appoint(chief, new, rules["clerk"], tree["H"], active_from=first, active_to=until)
    with pytest.raises(staff.BadPeriod):
        appoint(chief, new, rules["clerk"], tree["H"], active_from=end, active_to=end)
    appoint(chief, new, rules["clerk"], tree["H"], active_from=end)
    assert new.posts.count() == 2


def test_a_post_ends_today_at_the_earliest(tree: dict[str, Region], rules: dict[str, Group]) -> None:
    chief, holder = posted("chief", rules["chief"], tree["P"]), posted("holder", rules["clerk"], tree["H"])
    post = holder.posts.get()
    how: dict[str, Any] = {"post_id": post.pk, "actor": Actor.user(chief), "as_of": NOON}
    with pytest.raises(staff.AlreadyEnded):
        staff.end_post(ends_on=TODAY - timedelta(days=1), **how)
    staff.end_post(ends_on=TODAY, **how)
    assert not posts.held(User.objects.get(pk=holder.pk), as_of=NOON)
    with pytest.raises(staff.AlreadyEnded):
        staff.end_post(ends_on=TODAY, **how)
    with pytest.raises(staff.NotForOneself):
        staff.end_post(post_id=chief.posts.get().pk, ends_on=TODAY, actor=Actor.user(chief), as_of=NOON)


def test_certificates_are_recorded_by_somebody_else() -> None:
    by, user = Actor.user(clerk("by")), clerk()
    how: dict[str, Any] = {"number": " A-1 ", "kind": "ACCEPTANCE", "as_of": NOON}
    how |= {"issued_on": TODAY, "expires_on": TODAY + timedelta(days=365)}
    made = staff.record_certificate(user_id=user.pk, actor=by, **how)
    assert made.number == "A-1"
    with pytest.raises(staff.CertificateNumberTaken):
        staff.record_certificate(user_id=user.pk, actor=by, **how)
    with pytest.raises(staff.NotForOneself):
        staff.record_certificate(user_id=user.pk, actor=Actor.user(user), **how | {"number": "A-2"})
    with pytest.raises(staff.BadPeriod):
        staff.record_certificate(user_id=user.pk, actor=by, **how | {"number": "A-3", "expires_on": TODAY})
    with pytest.raises(staff.NotForOneself):
        staff.revoke_certificate(certificate_id=made.pk, actor=Actor.user(user), as_of=NOON)
    staff.revoke_certificate(certificate_id=made.pk, actor=by, as_of=NOON)
    with pytest.raises(staff.AlreadyRevoked):
        staff.revoke_certificate(certificate_id=made.pk, actor=by, as_of=NOON)
