"""Clerks at their posts, and customers whom they serve."""

from datetime import timedelta

from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Certificate, Contact, Membership, Post, Region, User
from core import clock
from operations.serving import sessions
from operations.serving.models import ServingSession
from tests.billing import build
from tests.conftest import NOON

TODAY = clock.local_date(NOON)
PHONE = "+8613800000001"


def region(code: str, parent: Region | None = None, level: str = Region.Level.CITY) -> Region:
    found, _is_new = Region.objects.get_or_create(
        code=code, defaults={"name": f"区域{code}", "level": level, "parent": parent}
    )
    return found


def clerk(where: Region, username: str = "1024", *, certified: bool = True) -> User:
    """Staff with a post there that lets him have business done for customers."""
    user = User.objects.create_user(username=username, password="not-guessed-1", is_staff=True, name="李营业")
    role, _is_new = Group.objects.get_or_create(name="试验柜员")
    wanted = Permission.objects.filter(
        content_type__app_label="operations", codename__in=["add_slip", "view_slip", "view_servingsession"]
    )
    role.permissions.set(wanted)
    Post.objects.create(
        user=user, role=role, region=where, active_from=TODAY - timedelta(days=9), created_at=NOON
    )
    if certified:
        certify(user)
    return user


def certify(user: User, *, days: int = 300) -> Certificate:
    return Certificate.objects.create(
        user=user,
        number=f"Z-{user.username}",
        kind=Certificate.Kind.ACCEPTANCE,
        issued_on=TODAY - timedelta(days=400),
        expires_on=TODAY + timedelta(days=days),
        created_at=NOON,
    )


def customer(
    where: Region | None, *, login: bool = True, phone: str = PHONE
) -> tuple[User | None, BillingAccount]:
    """A customer with an account there; without a login the account knows his phone all the same."""
    user = None
    if login:
        user = build.user(phone)
        user.phone_verified_at, user.name = NOON, "王小明"
        user.save(update_fields=["phone_verified_at", "name"])
    account = build.account(user)
    BillingAccount.objects.filter(pk=account.pk).update(region=where)
    account.refresh_from_db()
    if user is None and phone:
        Contact.objects.create(
            account=account, kind=Contact.Kind.PHONE, value=phone, is_primary=True, created_at=NOON
        )
    return user, account


def bind(user: User, account: BillingAccount, role: str = Membership.Role.PAYER) -> Membership:
    return Membership.objects.create(user=user, account=account, role=role, created_at=NOON)


def serve(by: User, account: BillingAccount, user: User | None) -> ServingSession:
    return sessions.begin(
        clerk_id=by.pk,
        account_id=account.pk,
        user_id=user.pk if user else None,
        reason="客户到店",
        address="192.0.2.7",
        as_of=NOON,
    )


def log_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def browser(by: User, account: BillingAccount, user: User | None) -> Client:
    """The clerk's browser once he has begun to serve."""
    client = log_in(by)
    session = serve(by, account, user)
    kept = client.session
    kept["serving"] = session.pk
    kept.save()
    return client


END = reverse("operations:serving_end")
