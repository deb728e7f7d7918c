"""What needs two people here: a number that is given away before its lock ends."""

from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import approvals
from core.actor import Actor
from core.errors import NotFound
from resources.models import Number
from resources.services import numbers

UNLOCK = "resources.number_unlock"


def _never_alone(*, actor: Actor, subject_id: str, data: dict[str, Any], as_of: datetime) -> bool:
    return False


def _describe(data: dict[str, Any]) -> str:
    return _("批准依据：%(authority)s") % {"authority": data.get("authority", "")}


@approvals.kind(
    UNLOCK,
    title=gettext_lazy("提前解除号码锁定"),
    permission="resources.change_number",
    approve_permission="resources.approve_number_unlock",
    limit=lambda: 0,
    describe=_describe,
    may_alone=_never_alone,
    has_amount=False,
)
def unlock(
    *,
    subject_id: str,
    amount_cents: int,
    data: dict[str, Any],
    actor: Actor,
    reason: str,
    as_of: datetime,
) -> str | Promise:
    """The number is free at once. `data["authority"]` says by whose order."""
    digits = Number.objects.filter(pk=subject_id).values_list("digits", flat=True).first()
    if digits is None:
        raise NotFound()
    numbers.unlock(digits=digits, actor=actor, as_of=as_of, reason=f"{data['authority']}: {reason}"[:300])
    return _("已解除锁定，号码可以选用")
