"""What of staff takes two people: posts of roles whose rule says so."""

from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import Group
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Region, User
from accounts.services import staff
from core import approvals
from core.actor import Actor

APPOINTMENT = "accounts.appointment"
ASK, DECIDE = "accounts.appoint_post", "accounts.approve_post"


def submit(
    *,
    user: User,
    role: Group,
    region: Region,
    active_from: date,
    active_to: date | None,
    reason: str,
    actor: Actor,
    as_of: datetime,
    address: str | None = None,
) -> approvals.Outcome:
    """Appointed at once, or asked for where the role needs a second person. Raises what `staff.appoint` raises."""
    staff.check_grant(actor=actor, user_id=user.pk, role_id=role.pk, region_id=region.pk, as_of=as_of)
    return approvals.submit(
        kind=APPOINTMENT,
        subject=(User._meta.label, user.pk),
        amount_cents=0,
        data={
            "role": role.pk,
            "role_name": role.name,
            "region": region.pk,
            "region_name": region.name,
            "active_from": active_from.isoformat(),
            "active_to": active_to.isoformat() if active_to else None,
        },
        reason=reason,
        actor=actor,
        as_of=as_of,
        address=address,
        lies_in=region.pk,
    )


def _check_person(*, actor: Actor, subject_id: str, data: dict[str, Any]) -> None:
    """Nobody appoints himself, nor approves of his own appointment."""
    if actor.ref == f"user:{subject_id}":
        raise staff.NotForOneself()


def _may_alone(*, actor: Actor, subject_id: str, data: dict[str, Any], as_of: datetime) -> bool:
    return not actor.is_person or not staff.needs_second_person(data["role"])


def _describe(data: dict[str, Any]) -> str | Promise:
    role = data.get("role_name")
    until = data.get("active_to") or _("长期")
    return _("%(role)s · %(region)s · %(begin)s 至 %(until)s") % {
        "role": _(role) if role else "—",
        "region": data.get("region_name", "—"),
        "begin": data.get("active_from", "—"),
        "until": until,
    }


@approvals.kind(
    APPOINTMENT,
    title=gettext_lazy("任命"),
    permission=ASK,
    approve_permission=DECIDE,
    limit=lambda: 0,
    has_amount=False,
    check_person=_check_person,
    may_alone=_may_alone,
    describe=_describe,
)
def _appoint(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    until = data["active_to"]
    post = staff.appoint(
        user_id=int(subject_id),
        role_id=data["role"],
        region_id=data["region"],
        active_from=date.fromisoformat(data["active_from"]),
        active_to=date.fromisoformat(until) if until else None,
        actor=actor,
        as_of=as_of,
    )
    return _("已任命：%(post)s") % {"post": post}
