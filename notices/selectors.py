"""Reads of this room."""

from collections.abc import Iterable
from datetime import datetime
from itertools import takewhile

from django.db.models import Q

from core.prepared import Prepared, any_of
from notices import rules
from notices.models import Delivery, DeliveryState, Failure, Template


class UnknownTemplate(LookupError):
    """No active version of this template for a channel that was asked for: a fault of the caller or of the seed."""


_ACTIVE = Prepared(
    lambda code, channels, languages, as_of: Template.objects.filter(
        any_of("channel", channels), any_of("language", languages), code=code, active_from__lte=as_of
    ),
    code=str,
    channels=list,
    languages=list,
    as_of=datetime,
)


def templates(*, code: str, channels: Iterable[str], language: str, as_of: datetime) -> dict[str, Template]:
    """Per channel the newest active version in `language`, else in Chinese. Raises UnknownTemplate."""
    wanted = frozenset(channels)
    languages = rules.languages(language)
    rows = _ACTIVE.rows(code=code, channels=sorted(wanted), languages=list(languages), as_of=as_of)
    best: dict[str, Template] = {}
    for row in sorted(rows, key=lambda row: (-languages.index(row.language), row.version)):
        best[row.channel] = row
    if missing := wanted - best.keys():
        raise UnknownTemplate(f"{code}: no template for {', '.join(sorted(missing))}")
    return best


def soft_failures_in_a_row(*, recipient_ref: str, channel: str, most: int = 10) -> int:
    """How many of the newest deliveries of a recipient failed because the address could take nothing just then.

    Those that wait and those that failed by our own trouble say nothing about the address and are not counted.
    """
    ended = Delivery.objects.filter(message__recipient_ref=recipient_ref, channel=channel).exclude(
        Q(state__in=(DeliveryState.QUEUED, DeliveryState.EXPIRED)) | Q(failure=Failure.OTHER)
    )
    newest = ended.order_by("-pk").values_list("failure", flat=True)[:most]
    return len(list(takewhile(lambda failure: failure == Failure.SOFT, newest)))
