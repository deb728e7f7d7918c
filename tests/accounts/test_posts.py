"""Posts: who may do what, where, from day to day; and who may accept business."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import posts
from accounts.models import BillingAccount, Certificate, Post, Region, User
from core import scopes
from core.db import violated
from core.errors import Forbidden
from tests.admin.build import operator, permission, staff_with, superuser
from tests.billing import build as money
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 18)
VIEW = "billing.view_bill"


def place(code: str, parent: Region | None = None) -> Region:
    return Region.objects.create(code=code, name=code, level=Region.Level.CITY, parent=parent)


@pytest.fixture
def tree() -> dict[str, Region]:
    """The operator, a province with two cities, one of them with a hall; and another province."""
    found = {"top": operator()}
    for code, above in (("P", "top"), ("C1", "P"), ("C2", "P"), ("H", "C1"), ("Q", "top")):
        found[code] = place(code, found[above])
    return found


def clerk(username: str = "clerk") -> User:
    return User.objects.create_user(username, password="not-guessed-1", is_staff=True)


def role(name: str = "lookers", *permissions: str) -> Group:
    made = Group.objects.create(name=name)
    made.permissions.set([permission(each) for each in permissions or (VIEW,)])
    return made


def hold(user: User, of: Group, region: Region, **more: Any) -> Post:
    given: dict[str, Any] = {"active_from": TODAY, "created_at": NOON} | more
    return Post.objects.create(user=user, role=of, region=region, **given)


def regions_of(scope: scopes.Scope) -> set[str]:
    return set(Region.objects.filter(pk__in=scope.region_ids).values_list("code", flat=True))


def test_a_post_reaches_its_region_and_all_below(tree: dict[str, Region]) -> None:
    user = clerk()
    hold(user, role(), tree["P"])
    assert regions_of(posts.scope(user, VIEW, NOON)) == {"P", "C1", "C2", "H"}
    assert posts.may(user, VIEW, tree["H"].pk, NOON)
    assert not posts.may(user, VIEW, tree["Q"].pk, NOON)
    assert not posts.may(user, VIEW, tree["top"].pk, NOON)
    assert not posts.may(user, VIEW, None, NOON)


def test_another_permission_is_not_held_there(tree: dict[str, Region]) -> None:
    user = clerk()
    hold(user, role(), tree["P"])
    scope = posts.scope(user, "billing.change_bill", NOON)
    assert scope.is_empty
    assert not regions_of(scope)
    assert not posts.may(user, "billing.change_bill", tree["H"].pk, NOON)


def test_each_permission_has_the_places_of_its_own_posts(tree: dict[str, Region]) -> None:
    user = clerk()
    hold(user, role(), tree["P"])
    hold(user, role("changers", "billing.change_bill"), tree["C2"])
    assert regions_of(posts.scope(user, "billing.change_bill", NOON)) == {"C2"}
    both = posts.scope_of_any(user, (VIEW, "billing.change_bill"), as_of=NOON)
    assert regions_of(both) == {"P", "C1", "C2", "H"}


def test_the_top_is_the_whole_operator(tree: dict[str, Region]) -> None:
    user = clerk()
    hold(user, role(), tree["top"])
    assert posts.scope(user, VIEW, NOON).is_everything
    assert posts.may(user, VIEW, None, NOON)


def test_a_root_of_another_level_is_not_the_whole_operator() -> None:
    user = clerk()
    hold(user, role(), place("LONELY"))
    assert not posts.scope(user, VIEW, NOON).is_everything


@pytest.mark.parametrize(
    ("first", "until", "is_held"),
    [
        (TODAY, None, True),
        (TODAY + timedelta(days=1), None, False),
        (TODAY - timedelta(days=9), TODAY, False),  # the first day without it
        (TODAY - timedelta(days=9), TODAY + timedelta(days=1), True),
    ],
)
def test_days_are_half_open(tree: dict[str, Region], first: date, until: date | None, is_held: bool) -> None:
    user = clerk()
    hold(user, role(), tree["P"], active_from=first, active_to=until)
    assert posts.may(user, VIEW, tree["P"].pk, NOON) is is_held
    assert bool(posts.permissions(user, as_of=NOON)) is is_held


def test_days_begin_at_midnight_in_shanghai(tree: dict[str, Region]) -> None:
    user = clerk()
    hold(user, role(), tree["P"])
    midnight = NOON - timedelta(hours=12)
    assert posts.may(user, VIEW, tree["P"].pk, midnight)
    assert not posts.may(user, VIEW, tree["P"].pk, midnight - timedelta(seconds=1))


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}])
def test_who_is_no_active_staff_holds_nothing(tree: dict[str, Region], change: dict[str, bool]) -> None:
    user = clerk()
    hold(user, role(), tree["top"])
    User.objects.filter(pk=user.pk).update(**change)
    user = User.objects.get(pk=user.pk)
    assert not posts.held(user, as_of=NOON)
    assert not user.has_perm(VIEW)
    assert posts.scope(user, VIEW, NOON).is_empty


def test_superusers_hold_all_everywhere() -> None:
    root = superuser()
    assert posts.scope(root, VIEW, NOON).is_everything
    assert posts.may(root, VIEW, None, NOON)


def test_who_holds_a_permission_can_be_listed(tree: dict[str, Region]) -> None:
    from django.contrib.auth import get_user_model

    user = clerk()
    hold(user, role(), tree["P"], active_from=date(2020, 1, 1))
    clerk("other")
    assert list(get_user_model().objects.with_perm(VIEW)) == [user]


def test_posts_are_read_once_and_places_in_the_query_itself(tree: dict[str, Region]) -> None:
    user = clerk()
    hold(user, role(), tree["P"])
    account = money.account()
    BillingAccount.objects.filter(pk=account.pk).update(region=tree["H"])
    with CaptureQueriesContext(connection) as queries:
        for _ in range(3):
            rows = scopes.narrow(BillingAccount.objects.all(), "region", posts.scope(user, VIEW, NOON))
        assert list(rows) == [account]
        assert user.has_perm(VIEW) is True
    assert len(queries) <= 5  # posts and permissions (for two days: the clock is real), the rows


_COUNTRY = """
    WITH levels AS (SELECT %s::bigint AS top),
    p AS (INSERT INTO accounts_region (code, name, level, parent_id)
          SELECT 'P' || i, 'p', 'PROVINCE', top FROM levels, generate_series(1, 31) i RETURNING id),
    c AS (INSERT INTO accounts_region (code, name, level, parent_id)
          SELECT 'C' || p.id || '-' || i, 'c', 'CITY', p.id FROM p, generate_series(1, 12) i RETURNING id),
    d AS (INSERT INTO accounts_region (code, name, level, parent_id)
          SELECT 'D' || c.id || '-' || i, 'd', 'DISTRICT', c.id FROM c, generate_series(1, 8) i RETURNING id)
    INSERT INTO accounts_region (code, name, level, parent_id)
    SELECT 'H' || d.id || '-' || i, 'h', 'HALL', d.id FROM d, generate_series(1, 13) i"""


def test_a_country_of_forty_thousand_places_is_searched_by_index() -> None:
    """A province's subtree is some 1,300 places; no list of them goes to the database, nor is the table read whole."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTRY, [operator().pk])
        cursor.execute("ANALYZE accounts_region")
    assert Region.objects.count() > 40_000
    province = Region.objects.filter(level="PROVINCE").order_by("pk")[0]
    scope = posts.below([province.pk])
    with CaptureQueriesContext(connection) as queries:
        assert scope.region_ids.count() == 1 + 12 + 96 + 1248
    [query] = queries
    assert len(query["sql"]) < 1_000
    plan = Region.objects.filter(pk__in=scope.region_ids).explain()
    recursive = plan[plan.index("Recursive Union") :].split("CTE Scan")[0]
    assert "Index" in recursive
    assert "Seq Scan on accounts_region" not in recursive
    hall = Region.objects.filter(level="HALL", parent__parent__parent=province)[0]
    assert posts.is_below(hall.pk, [province.pk])


def test_the_tree_has_no_circles(tree: dict[str, Region]) -> None:
    for change in ({"parent": tree["H"]}, {"parent": tree["P"]}):
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            Region.objects.filter(pk=tree["P"].pk).update(**change)
        assert violated(caught.value) in {"region_is_a_tree", "region_not_its_own_parent"}
    Region.objects.filter(pk=tree["C1"].pk).update(parent=tree["Q"])


def test_laws_of_posts(tree: dict[str, Region]) -> None:
    user, by = clerk(), clerk("by")
    post = hold(user, role(), tree["P"], appointed_by=by)
    mine = Post.objects.filter(pk=post.pk)
    for change in ({"region": tree["top"]}, {"user": by}, {"active_from": date(2020, 1, 1)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            mine.update(**change)
    mine.update(active_to=TODAY + timedelta(days=5))
    mine.update(active_to=TODAY + timedelta(days=2))
    for later in (None, TODAY + timedelta(days=3)):
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            mine.update(active_to=later)
        assert violated(caught.value) == "post_ends_once"
    with pytest.raises(IntegrityError), transaction.atomic():
        mine.delete()
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        hold(user, role("others"), tree["P"], appointed_by=user)
    assert violated(caught.value) == "post_not_by_oneself"


def certify(user: User, **more: Any) -> Certificate:
    given: dict[str, Any] = {"number": f"N{Certificate.objects.count()}", "kind": "ACCEPTANCE"}
    given |= {"issued_on": date(2026, 1, 1), "expires_on": TODAY, "created_at": NOON}
    return Certificate.objects.create(user=user, **given | more)


def refusal(user: User, as_of: datetime = NOON) -> type[Exception] | None:
    try:
        posts.check_clerk(User.objects.get(pk=user.pk), as_of)
    except Forbidden as error:
        return type(error)
    return None


def test_who_accepts_business_has_a_post_and_a_certificate(tree: dict[str, Region]) -> None:
    user = clerk()
    assert refusal(user) is posts.NotOnPost
    hold(user, role(), tree["P"])
    assert refusal(user) is posts.CertificateMissing
    certificate = certify(user)
    assert refusal(user) is None
    assert refusal(user, NOON + timedelta(days=1)) is posts.CertificateExpired  # its last day is over
    Certificate.objects.filter(pk=certificate.pk).update(revoked_at=NOON)
    assert refusal(user) is posts.CertificateExpired
    certify(user, issued_on=TODAY + timedelta(days=1), expires_on=TODAY + timedelta(days=9))
    assert refusal(user) is posts.CertificateExpired  # not good yet
    certify(user, expires_on=TODAY + timedelta(days=300))
    assert refusal(user) is None


def test_superusers_need_a_certificate_like_everybody() -> None:
    root = superuser()
    assert refusal(root) is posts.CertificateMissing
    certify(root)
    assert refusal(root) is None


@pytest.mark.parametrize(("days", "is_told"), [(0, True), (30, True), (31, False), (-1, False)])
def test_the_end_is_told_thirty_days_before(days: int, is_told: bool) -> None:
    user = clerk()
    ends_on = TODAY + timedelta(days=days)
    certify(user, expires_on=ends_on)
    assert posts.certificate_ends_on(user, NOON) == (ends_on if is_told else None)


def test_a_looker_of_everything_holds_no_more(tree: dict[str, Region]) -> None:
    user = staff_with("core.view_auditrow", username="auditor")
    assert posts.permissions(user) == {"core.view_auditrow"}
    assert Permission.objects.filter(group__posts__user=user).count() == 1
