"""Who of the staff may do what, and where: permissions come from posts that are active, and from nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models import F, Q, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Concat
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount, Certificate, Post, Region
from core import clock
from core.errors import Forbidden
from core.scopes import EVERYTHING, NOWHERE, Scope

WARNED_BEFORE = timedelta(days=30)  # the end of a certificate
_BELOW = """
    WITH RECURSIVE below(id) AS (
        SELECT unnest(%s::bigint[])
        UNION SELECT region.id FROM accounts_region region JOIN below ON region.parent_id = below.id)
    SELECT id FROM below"""
_IS_BELOW = """
    WITH RECURSIVE above(id, parent_id) AS (
        SELECT id, parent_id FROM accounts_region WHERE id = %s
        UNION SELECT region.id, region.parent_id FROM accounts_region region JOIN above ON region.id = above.parent_id)
    SELECT EXISTS (SELECT FROM above WHERE id = ANY(%s::bigint[]))"""


class NotOnPost(Forbidden):
    code = "NOT_ON_POST"
    message = _("您目前没有任职，不能受理业务，请联系管理员")


class CertificateMissing(Forbidden):
    code = "CERTIFICATE_MISSING"
    message = _("您没有登记有效的岗位合格证，只能查看，不能受理业务，请联系管理员登记")


class CertificateExpired(Forbidden):
    code = "CERTIFICATE_EXPIRED"
    message = _("您的岗位合格证已过期或被吊销，只能查看，不能受理业务，请换证后联系管理员登记")


@dataclass(frozen=True, slots=True)
class Held:
    """A post that is active: what it grants, and where. The whole operator's is one in a root of level GROUP."""

    role_id: int
    region_id: int
    is_whole_operator: bool
    permissions: frozenset[str]  # "billing.view_bill"


def held(user: Any, *, as_of: datetime | None = None) -> tuple[Held, ...]:
    """The active posts of active staff, none of anybody else's. Two queries, once for each user object and day."""
    if not (user.is_active and getattr(user, "is_staff", False)) or user.pk is None:
        return ()
    today = clock.local_date(as_of or clock.now())
    known: dict[date, tuple[Held, ...]] = getattr(user, "_held_posts", {})
    if today not in known:
        known = known | {today: _read(user.pk, today)}
        user._held_posts = known
    return known[today]


def active(on: date) -> Q:
    """The condition for posts that are held on that day."""
    return Q(active_from__lte=on) & (Q(active_to__isnull=True) | Q(active_to__gt=on))


def holders(app: str, code: str, *, on: date) -> "QuerySet[Post, Any]":
    """The ids of the users whose posts grant this permission on that day."""
    granting = Q(role__permissions__content_type__app_label=app, role__permissions__codename=code)
    return Post.objects.filter(active(on) & granting).values("user_id")


def permissions(user: Any, *, as_of: datetime | None = None) -> set[str]:
    """All that the user's posts grant, somewhere."""
    return {each for post in held(user, as_of=as_of) for each in post.permissions}


def scope(user: Any, permission: str, as_of: datetime | None = None) -> Scope:
    """The regions in which the user holds the permission: those of his active posts that grant it, and all below."""
    return scope_of_any(user, (permission,), as_of=as_of)


def scope_of_any(user: Any, wanted: Iterable[str], *, as_of: datetime | None = None) -> Scope:
    """The same for one of several permissions. Superusers hold all of them everywhere."""
    if user.is_active and getattr(user, "is_superuser", False):
        return EVERYTHING
    asked = frozenset(wanted)
    granting = [post for post in held(user, as_of=as_of) if post.permissions & asked]
    if any(post.is_whole_operator for post in granting):
        return EVERYTHING
    return below({post.region_id for post in granting})


def below(region_ids: Iterable[int]) -> Scope:
    """These regions and all below them; the database finds them, as a country has tens of thousands."""
    roots = sorted(region_ids)
    if not roots:
        return NOWHERE
    found = Region.objects.filter(pk__in=RawSQL(_BELOW, [roots])).values("pk")
    accounts = BillingAccount.every.filter(region__in=found)
    refs = accounts.annotate(ref=Concat(Value("account:"), F("number"))).values("ref")
    return Scope(is_everything=False, region_ids=found, recipients=refs, roots=tuple(roots))


def places(refs: set[str]) -> dict[str, str]:
    """The names of the regions of the accounts that these refs stand for."""
    numbers = [ref.removeprefix("account:") for ref in refs if ref.startswith("account:")]
    found = BillingAccount.every.filter(number__in=numbers).values_list("number", "region__name")
    return {f"account:{number}": name for number, name in found}


def may(user: Any, permission: str, region_id: int | None, as_of: datetime | None = None) -> bool:
    """Whether the user holds the permission there. What lies in no region is the whole operator's."""
    if user.is_active and getattr(user, "is_superuser", False):
        return True
    granting = [post for post in held(user, as_of=as_of) if permission in post.permissions]
    if any(post.is_whole_operator for post in granting):
        return True
    if region_id is None or not granting:
        return False
    return is_below(region_id, {post.region_id for post in granting})


def is_below(region_id: int, roots: Iterable[int]) -> bool:
    """Whether the region is one of the roots or lies below one; asks upwards, a handful of rows."""
    with connection.cursor() as cursor:
        cursor.execute(_IS_BELOW, [region_id, sorted(roots)])
        return bool(cursor.fetchone()[0])


def check_clerk(user: Any, as_of: datetime) -> None:
    """Nothing, for who may accept business; else NotOnPost, CertificateMissing or CertificateExpired.

    Superusers need no post, and a certificate like everybody.
    """
    if not user.is_superuser and not held(user, as_of=as_of):
        raise NotOnPost()
    today = clock.local_date(as_of)
    own = Certificate.objects.filter(user_id=user.pk)
    if valid(own, today).exists():
        return
    raise CertificateExpired() if own.exists() else CertificateMissing()


def valid(certificates: "QuerySet[Certificate]", on: date) -> "QuerySet[Certificate]":
    """Those that count on that day."""
    return certificates.filter(issued_on__lte=on, expires_on__gte=on, revoked_at__isnull=True)


def certificate_ends_on(user: Any, as_of: datetime) -> date | None:
    """The last day of the user's longest valid certificate, when it is near (WARNED_BEFORE); else None."""
    today = clock.local_date(as_of)
    found = valid(Certificate.objects.filter(user_id=user.pk), today).order_by("-expires_on").first()
    return found.expires_on if found and found.expires_on - today <= WARNED_BEFORE else None


def _read(user_id: int, today: date) -> tuple[Held, ...]:
    rows = Post.objects.filter(active(today), user_id=user_id).values_list(
        "role_id", "region_id", "region__level", "region__parent_id"
    )
    posts = list(rows)
    granted = _granted({role_id for role_id, *_rest in posts})
    return tuple(
        Held(
            role_id,
            region_id,
            is_whole_operator=level == Region.Level.GROUP and parent_id is None,
            permissions=granted.get(role_id, frozenset()),
        )
        for role_id, region_id, level, parent_id in posts
    )


def _granted(role_ids: set[int]) -> dict[int, frozenset[str]]:
    """What each role grants."""
    if not role_ids:
        return {}
    rows = Permission.objects.filter(group__in=role_ids).order_by()
    found: dict[int, set[str]] = {}
    for role_id, app, code in rows.values_list("group__pk", "content_type__app_label", "codename"):
        found.setdefault(role_id, set()).add(f"{app}.{code}")
    return {role_id: frozenset(codes) for role_id, codes in found.items()}
