"""The demo's staff: one for each role, a certificate for most of them, and a second factor for all."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from accounts import second_factor
from accounts.models import Certificate, Post, Region, User
from accounts.services import staff
from core import clock
from core.actor import Actor
from hall import staff_roles

ACTOR = Actor.command("demo_data")


@dataclass(frozen=True, slots=True)
class Member:
    """`certificate_days`: for so many days from the first load on (below zero: over); None: has none."""

    username: str
    name: str
    role: str
    region: str
    told: str
    certificate_days: int | None = None


MEMBERS = (
    Member("clerk", "周敏", staff_roles.CLERK, "DEMO-QH-E", "serves customers of the east district", 365),
    Member(
        "clerk-west",
        "吴磊",
        staff_roles.CLERK,
        "DEMO-QH-W",
        "of the west district; certificate ends soon",
        20,
    ),
    Member("clerk-new", "郑洁", staff_roles.CLERK, "DEMO-QH-E", "no certificate: may look, accepts nothing"),
    Member("cashier", "王芳", staff_roles.CASHIER, "DEMO-QH", "takes money at the counter of the city", 365),
    Member("chief", "李强", staff_roles.CHIEF, "DEMO-QH", "approves, appoints clerks of the city", 365),
    Member("finance", "赵静", staff_roles.FINANCE, "DEMO", "refunds, statements, differences"),
    Member("auditor", "孙浩", staff_roles.AUDITOR, "DEMO", "sees everything, changes nothing"),
    Member("operator", "陈涛", staff_roles.OPERATIONS, "DEMO", "jobs, messages, calendar"),
    Member("editor", "林雪", staff_roles.EDITOR, "DEMO-YS", "news, help and halls of the province"),
    Member("product", "何静", staff_roles.PRODUCT, "DEMO", "offers, prices, discounts"),
    Member("admin", "黄伟", staff_roles.ADMINISTRATOR, "DEMO", "posts, certificates, regions"),
    Member("admin2", "徐丽", staff_roles.ADMINISTRATOR, "DEMO", "the second person for administrators"),
)


def everything(*, password: str, as_of: datetime) -> None:
    """All of MEMBERS exist, hold their posts and can log in with this password. What is there stays as it is."""
    sealed = make_password(password)  # once: it is meant to be slow
    for member in MEMBERS:
        user = User.objects.filter(username=member.username).first()
        if user is None:
            user = User.objects.create(
                username=member.username, name=member.name, password=sealed, is_staff=True, date_joined=as_of
            )
            _settle(user, member, as_of)
        elif not user.check_password(password):
            user.password = sealed
            user.save(update_fields=["password"])
        give_second_factor(user)


def give_second_factor(user: User) -> None:
    """The user has an authenticator app; its code is what the command `totp` tells."""
    if not second_factor.has_one(user):
        second_factor.set_up(user, generate_totp_secret())


def _settle(user: User, member: Member, as_of: datetime) -> None:
    today = clock.local_date(as_of)
    role = Group.objects.get(name=member.role)
    region = Region.objects.get(code=member.region)
    if not Post.objects.filter(user=user).exists():
        staff.appoint(
            user_id=user.pk, role_id=role.pk, region_id=region.pk, active_from=today, actor=ACTOR, as_of=as_of
        )
    if member.certificate_days is not None:
        staff.record_certificate(
            user_id=user.pk,
            number=f"DEMO-{user.username.upper()}",
            kind=Certificate.Kind.ACCEPTANCE,
            issued_on=today - timedelta(days=365),
            expires_on=today + timedelta(days=member.certificate_days),
            actor=ACTOR,
            as_of=as_of,
        )
