"""One line of the status page."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext as _

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
    for unit, text in ((86_400, _("%(n)s 天")), (3_600, _("%(n)s 小时")), (60, _("%(n)s 分钟"))):
        if seconds >= unit:
            return text % {"n": seconds // unit}
    return _("%(n)s 秒") % {"n": seconds}
