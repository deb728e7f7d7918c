"""Consent, purpose by purpose, with its history; and the details that a user tells under one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import locks
from accounts.consent_texts import TEXTS
from accounts.models import ConsentChange, Education, Interest, Occupation, ProfileDetails, Purpose
from core.actor import Actor
from core.errors import Conflict, HallError


class ConsentUnchanged(Conflict):
    code = "CONSENT_UNCHANGED"
    message = _("已经是这个选择，不用再改")


class ConsentMissing(Conflict):
    code = "CONSENT_MISSING"
    message = _("请先在“授权”中同意保存补充资料")


class BadDetails(HallError):
    code = "BAD_DETAILS"
    message = _("请从列出的选项中选择")
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """By whom, over which channel and under which slip a consent changed."""

    actor: Actor
    channel: str
    slip_number: str = ""


@transaction.atomic
def change(*, user_id: int, purpose: str, is_given: bool, how: How, as_of: datetime) -> ConsentChange:
    """One more row of the history. Withdrawing the profile's deletes its details first. Raises ConsentUnchanged."""
    locks.user(user_id)
    if is_in_force(user_id, purpose) == is_given:
        raise ConsentUnchanged()
    if purpose == Purpose.PROFILE and not is_given:
        ProfileDetails.objects.filter(user_id=user_id).delete()
    known = TEXTS[purpose]
    return ConsentChange.objects.create(
        user_id=user_id,
        purpose=purpose,
        is_given=is_given,
        text_version=known.version,
        text=str(known.text),
        channel=how.channel,
        slip_number=how.slip_number,
        actor=how.actor.ref,
        at=as_of,
    )


@transaction.atomic
def withdraw_all(*, user_id: int, how: How, as_of: datetime) -> int:
    """Every consent that is in force ends; how many."""
    locks.user(user_id)
    given = [purpose for purpose, is_given in in_force(user_id).items() if is_given]
    for purpose in given:
        change(user_id=user_id, purpose=purpose, is_given=False, how=how, as_of=as_of)
    return len(given)


@transaction.atomic
def set_details(
    *, user_id: int, occupation: str, education: str, interests: Sequence[str], as_of: datetime
) -> ProfileDetails:
    """What the user tells of himself; "" and nothing where he tells nothing. Raises ConsentMissing, BadDetails."""
    locks.user(user_id)
    if not is_in_force(user_id, Purpose.PROFILE):
        raise ConsentMissing()
    known = (
        occupation in ("", *Occupation.values)
        and education in ("", *Education.values)
        and set(interests) <= set(Interest.values)
    )
    if not known:
        raise BadDetails()
    row, _is_new = ProfileDetails.objects.update_or_create(
        user_id=user_id,
        defaults={
            "occupation": occupation,
            "education": education,
            "interests": [value for value in Interest.values if value in interests],
            "updated_at": as_of,
        },
    )
    return row


def is_in_force(user_id: int, purpose: str) -> bool:
    """What the user last said about this purpose; no, if he never said anything."""
    rows = ConsentChange.objects.filter(user_id=user_id, purpose=purpose)
    return bool(rows.order_by("-id").values_list("is_given", flat=True).first())


def in_force(user_id: int) -> Mapping[str, bool]:
    """The same for every purpose; one query."""
    newest = ConsentChange.objects.filter(user_id=user_id).order_by("purpose", "-id").distinct("purpose")
    said = dict(newest.values_list("purpose", "is_given"))
    return {purpose: said.get(purpose, False) for purpose in Purpose.values}
