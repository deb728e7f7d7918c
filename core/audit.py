"""Who did what to what, and why: one row that nobody can change afterwards."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models

from core import scopes
from core.actor import Actor
from core.models import AuditRow


def record(
    *,
    actor: Actor,
    action: str,
    subject: models.Model | tuple[str, str],
    as_of: datetime,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
    address: str | None = None,
    lies_in: int | None = None,
) -> AuditRow:
    """Writes the row in the present transaction, so that it stands or falls with what it tells of.

    `subject` is the object that was touched, or its ("app.Model", id). `detail` holds plain JSON values and no
    secrets; `address` is the network address that asked, None for a command or job. The row lies in the region
    `lies_in`, or where its object does now, and is seen by auditors there.
    """
    object_type, object_id = _name(subject)
    return AuditRow.objects.create(
        at=as_of,
        actor=actor.ref,
        action=action,
        object_type=object_type,
        object_id=object_id,
        reason=reason,
        detail=dict(detail or {}),
        address=address,
        region_id=lies_in or scopes.region_of(object_type, object_id),
    )


def _name(subject: models.Model | tuple[str, str]) -> tuple[str, str]:
    if isinstance(subject, tuple):
        return subject
    if subject.pk is None:
        raise ValueError("the subject of an audit row must have been saved")
    return subject._meta.label, str(subject.pk)
