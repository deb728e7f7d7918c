"""Posts and certificates of staff: given, ended, revoked; and a colleague's second factor, reset.

Nobody does any of this for himself. Who may give which role, RoleRule says; where, his own posts do.
"""

from datetime import date, datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts import posts
from accounts.models import BillingAccount, Certificate, Post, Region, RoleRule, User
from core import clock
from core.actor import Actor
from core.db import violated
from core.errors import Conflict, Forbidden, HallError, NotFound


class NotStaff(HallError):
    code = "NOT_STAFF"
    message = _("没有这位在职员工，请核对用户名")


class NotForOneself(Forbidden):
    code = "NOT_FOR_ONESELF"
    message = _("不能为自己办理，须由另一位有权限的同事办理")


class MayNotGrant(Forbidden):
    code = "MAY_NOT_GRANT"
    message = _("您无权在该区域任免这个角色")


class AlreadyHeld(Conflict):
    code = "POST_ALREADY_HELD"
    message = _("这位员工在该区域已任此职，不能重复任命")


class AlreadyEnded(Conflict):
    code = "POST_ALREADY_ENDED"
    message = _("这项任职已经结束，或结束日不能早于到岗日、晚于原定日期")


class BadPeriod(HallError):
    code = "BAD_PERIOD"
    message = _("结束日期必须晚于开始日期")


class CertificateNumberTaken(Conflict):
    code = "CERTIFICATE_NUMBER_TAKEN"
    message = _("证书编号 %(number)s 已登记")


class AlreadyRevoked(Conflict):
    code = "CERTIFICATE_ALREADY_REVOKED"
    message = _("这张岗位合格证已经吊销")


class NoSecondFactor(Conflict):
    code = "NO_SECOND_FACTOR"
    message = _("这位用户没有启用第二验证，不需要重置")


def appoint(
    *,
    user_id: int,
    role_id: int,
    region_id: int,
    active_from: date,
    actor: Actor,
    as_of: datetime,
    active_to: date | None = None,
) -> Post:
    """The member of staff holds the post from that day on, until before `active_to`.

    Raises what `check_grant` raises, BadPeriod, and AlreadyHeld while a post of the same role there overlaps.
    """
    check_grant(actor=actor, user_id=user_id, role_id=role_id, region_id=region_id, as_of=as_of)
    if active_to is not None and active_to <= active_from:
        raise BadPeriod()
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user_id)  # two at once would not see each other's post
        same = Post.objects.filter(user_id=user_id, role_id=role_id, region_id=region_id)
        if any(_overlap(each, active_from, active_to) for each in same):
            raise AlreadyHeld()
        return Post.objects.create(
            user_id=user_id,
            role_id=role_id,
            region_id=region_id,
            active_from=active_from,
            active_to=active_to,
            appointed_by_id=_user_id(actor),
            created_at=as_of,
        )


def end_post(*, post_id: int, ends_on: date, actor: Actor, as_of: datetime) -> Post:
    """The post is not held from `ends_on` on, at the earliest today. Raises AlreadyEnded, or as `check_grant`."""
    with transaction.atomic():
        post = Post.objects.select_for_update().get(pk=post_id)
        check_grant(
            actor=actor, user_id=post.user_id, role_id=post.role_id, region_id=post.region_id, as_of=as_of
        )
        today = clock.local_date(as_of)
        if ends_on < max(today, post.active_from) or (post.active_to and ends_on > post.active_to):
            raise AlreadyEnded()
        if post.active_to is not None and post.active_to <= today:
            raise AlreadyEnded()
        post.active_to = ends_on
        post.save(update_fields=["active_to"])
    return post


def check_grant(*, actor: Actor, user_id: int, role_id: int, region_id: int, as_of: datetime) -> None:
    """Returns when the actor may give or end this post. Raises NotStaff, NotForOneself, MayNotGrant; NotFound.

    Commands are code, and ask nobody.
    """
    if not User.objects.filter(pk=user_id, is_staff=True).exists():
        raise NotStaff()
    if not actor.is_person:
        return
    who = _staff(actor)
    if _user_id(actor) == user_id:
        raise NotForOneself()
    if who is None or not may_grant(who, role_id=role_id, region_id=region_id, as_of=as_of):
        raise MayNotGrant()


def may_grant(user: User, *, role_id: int, region_id: int, as_of: datetime) -> bool:
    """Whether the user's posts let him give this role there. Superusers give every role everywhere."""
    if user.is_superuser:
        return True
    if not posts.may(user, "accounts.appoint_post", region_id, as_of):
        return False
    grantors = set(
        RoleRule.granted_by.through.objects.filter(rolerule_id=role_id).values_list("group_id", flat=True)
    )
    held = [post for post in posts.held(user, as_of=as_of) if post.role_id in grantors]
    if any(post.is_whole_operator for post in held):
        return True
    return bool(held) and posts.is_below(region_id, {post.region_id for post in held})


def grantable(user: User, *, as_of: datetime) -> Any:
    """The roles that the user may give somewhere."""
    if user.is_superuser:
        return Group.objects.order_by("name")
    own = [post.role_id for post in posts.held(user, as_of=as_of)]
    return Group.objects.filter(rule__granted_by__in=own).distinct().order_by("name")


def needs_second_person(role_id: int) -> bool:
    return RoleRule.objects.filter(role_id=role_id, needs_second_person=True).exists()


def record_certificate(
    *,
    user_id: int,
    number: str,
    kind: str,
    issued_on: date,
    expires_on: date,
    actor: Actor,
    as_of: datetime,
) -> Certificate:
    """The certificate counts from `issued_on` to `expires_on`, both included.

    Raises NotStaff, NotForOneself, BadPeriod, CertificateNumberTaken.
    """
    if not User.objects.filter(pk=user_id, is_staff=True).exists():
        raise NotStaff()
    if _user_id(actor) == user_id:
        raise NotForOneself()
    if expires_on <= issued_on:
        raise BadPeriod()
    try:
        with transaction.atomic():
            return Certificate.objects.create(
                user_id=user_id,
                number=number.strip(),
                kind=kind,
                issued_on=issued_on,
                expires_on=expires_on,
                recorded_by_id=_user_id(actor),
                created_at=as_of,
            )
    except IntegrityError as error:
        if "number" in violated(error):
            raise CertificateNumberTaken(number=number) from error
        raise


def revoke_certificate(*, certificate_id: int, actor: Actor, as_of: datetime) -> Certificate:
    """It counts no more from this instant on. Raises NotForOneself, AlreadyRevoked."""
    with transaction.atomic():
        certificate = Certificate.objects.select_for_update().get(pk=certificate_id)
        if _user_id(actor) == certificate.user_id:
            raise NotForOneself()
        if certificate.revoked_at is not None:
            raise AlreadyRevoked()
        certificate.revoked_at = as_of
        certificate.save(update_fields=["revoked_at"])
    return certificate


def reset_second_factor(*, user_id: int, actor: Actor, as_of: datetime) -> User:
    """The user has no second factor any more, nor counts one that he has shown; he sets up another at the next visit.

    Raises NotForOneself, NoSecondFactor, and MayNotGrant for who stands higher: superusers reset superusers, and the
    others only who holds no post, or, as a customer, has no account outside of the regions in which they may reset.
    """
    if _user_id(actor) == user_id:
        raise NotForOneself()
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user_id)
        if actor.is_person and not _may_reset(actor, user, as_of):
            raise MayNotGrant()
        if not Authenticator.objects.filter(user_id=user_id).delete()[0]:
            raise NoSecondFactor()
        user.second_factor_reset_at = as_of
        user.save(update_fields=["second_factor_reset_at"])
    return user


def _may_reset(actor: Actor, user: User, as_of: datetime) -> bool:
    who = _staff(actor)
    if who is None:
        return False
    if who.is_superuser:
        return True
    permission = "accounts.reset_second_factor"
    theirs = _regions(user, as_of)
    if user.is_superuser or not theirs:
        return False
    return all(posts.may(who, permission, region_id, as_of) for region_id in theirs)


def _regions(user: User, as_of: datetime) -> list[int | None]:
    """Where a member of staff holds posts; where a customer's accounts lie."""
    if user.is_staff:
        return [post.region_id for post in posts.held(user, as_of=as_of)]
    return list(BillingAccount.objects.for_user(user).values_list("region_id", flat=True))


def find(username: str) -> User:
    """The active member of staff of that name; raises NotStaff."""
    found = User.objects.filter(username=username.strip(), is_staff=True, is_active=True).first()
    if found is None:
        raise NotStaff()
    return found


def region(code: str) -> Region:
    """The region of that code; raises NotFound."""
    try:
        return Region.objects.get(code=code.strip())
    except Region.DoesNotExist:
        raise NotFound() from None


def _overlap(post: Post, active_from: date, active_to: date | None) -> bool:
    begins_before_end = active_to is None or post.active_from < active_to
    return begins_before_end and (post.active_to is None or active_from < post.active_to)


def _staff(actor: Actor) -> User | None:
    key = _user_id(actor)
    return None if key is None else User.objects.filter(pk=key, is_active=True, is_staff=True).first()


def _user_id(actor: Actor) -> int | None:
    key = actor.ref.removeprefix("user:")
    return int(key) if actor.is_person and key.isdecimal() else None
