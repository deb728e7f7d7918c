from typing import Any

from django.db.models import Prefetch

from core.errors import NotFound
from operations.models import Slip, SlipHistory, SlipQuerySet


def of_user(user: Any) -> SlipQuerySet:
    """The user's slips, newest first, without their history."""
    return Slip.objects.for_user(user).order_by("-started_at", "-pk")


def one_of_user(user: Any, number: str) -> Slip:
    """The slip with its history (oldest step first); raises NotFound for a stranger's as for none."""
    history = Prefetch("history", SlipHistory.objects.order_by("pk"))
    found = Slip.objects.for_user(user).filter(number=number).prefetch_related(history).first()
    if found is None:
        raise NotFound()
    return found
