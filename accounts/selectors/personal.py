"""What a user may see of what is held on himself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import QuerySet

from accounts.consent_texts import TEXTS, ConsentText
from accounts.models import (
    ConsentChange,
    DataExport,
    DataExportState,
    Education,
    Interest,
    Occupation,
    ProfileDetails,
    Purpose,
    User,
)
from accounts.services import consents, devices

CHANGES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Device:
    """A browser that is logged in."""

    session: UserSession
    is_current: bool

    @property
    def reference(self) -> str:
        return devices.reference(self.session)

    @property
    def name(self) -> str:
        return devices.describe(self.session.user_agent)


@dataclass(frozen=True, slots=True)
class Choice:
    """One purpose with what the user said last."""

    purpose: Purpose
    is_given: bool
    text: ConsentText


@dataclass(frozen=True, slots=True)
class Consents:
    choices: Sequence[Choice]
    history: Sequence[ConsentChange]
    details: ProfileDetails | None

    @property
    def may_tell(self) -> bool:
        """Whether details may be filled in."""
        return any(each.is_given for each in self.choices if each.purpose == Purpose.PROFILE)

    @property
    def told(self) -> list[str]:
        """What the user told of himself, in words."""
        if self.details is None:
            return []
        interests = [str(Interest(code).label) for code in self.details.interests]
        known = [
            str(Occupation(self.details.occupation).label) if self.details.occupation else "",
            str(Education(self.details.education).label) if self.details.education else "",
            *interests,
        ]
        return [each for each in known if each]


def devices_of(user: User, *, current_key: str) -> list[Device]:
    """The present one first, then the latest."""
    found = [Device(each, each.session_key == current_key) for each in devices.of_user(user.pk)]
    return sorted(found, key=lambda device: not device.is_current)


def has_second_step(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user).exclude(type="recovery_codes").exists())


def consents_of(user: User) -> Consents:
    given = consents.in_force(user.pk)
    rows = ConsentChange.objects.filter(user=user).order_by("-id")[:CHANGES_SHOWN]
    choices = [Choice(Purpose(value), given[value], TEXTS[value]) for value in Purpose.values]
    return Consents(choices, list(rows), ProfileDetails.objects.filter(user=user).first())


def exports_of(user: User, *, as_of: datetime) -> "QuerySet[DataExport, Any]":
    """The copies that are being made, can be had or have failed, the newest first; without their contents."""
    open_or_ready = (DataExportState.REQUESTED, DataExportState.READY, DataExportState.FAILED)
    rows = DataExport.objects.filter(user=user, state__in=open_or_ready).defer("content")
    return rows.exclude(purge_at__lte=as_of).order_by("-id")[:5]
