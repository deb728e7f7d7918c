"""Reads of this room."""

from collections.abc import Iterable
from datetime import datetime

from notices import rules
from notices.models import Template


class UnknownTemplate(LookupError):
    """No active version of this template for a channel that was asked for: a fault of the caller or of the seed."""


def templates(*, code: str, channels: Iterable[str], language: str, as_of: datetime) -> dict[str, Template]:
    """Per channel the newest active version in `language`, else in Chinese. Raises UnknownTemplate."""
    wanted = frozenset(channels)
    languages = rules.languages(language)
    rows = Template.objects.filter(
        code=code, channel__in=wanted, language__in=languages, active_from__lte=as_of
    )
    best: dict[str, Template] = {}
    for row in sorted(rows, key=lambda row: (-languages.index(row.language), row.version)):
        best[row.channel] = row
    if missing := wanted - best.keys():
        raise UnknownTemplate(f"{code}: no template for {', '.join(sorted(missing))}")
    return best
