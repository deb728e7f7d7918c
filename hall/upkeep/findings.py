"""One line of the status page."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils.functional import Promise
from django.utils.translation import ngettext

OK, WARN, BAD = "ok", "warn", "bad"


@dataclass(frozen=True)
class Finding:
    """`mend` is a file of docs/runbooks, `command` what one would type first; both are shown unless it is ok."""

    name: str | Promise
    tone: str
    figure: str
    note: str = ""
    mend: str = ""
    command: str = ""


def span(length: timedelta) -> str:
    """A length of time as people say it: seconds, minutes, hours or days, rounded down."""
    seconds = max(0, int(length.total_seconds()))
    if days := seconds // 86_400:
        return ngettext("%(n)s 天", "%(n)s 天", days) % {"n": days}
    if hours := seconds // 3_600:
        return ngettext("%(n)s 小时", "%(n)s 小时", hours) % {"n": hours}
    if minutes := seconds // 60:
        return ngettext("%(n)s 分钟", "%(n)s 分钟", minutes) % {"n": minutes}
    return ngettext("%(n)s 秒", "%(n)s 秒", seconds) % {"n": seconds}
