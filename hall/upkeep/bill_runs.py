"""The bills of the month that ended last, as the status page tells of them."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from catalog.charging.selectors import run_status
from catalog.charging.selectors.run_status import RunStatus
from core import clock
from hall.upkeep.findings import BAD, OK, WARN, Finding, span

_MEND = "bill-run.md"
_LATE_DAYS, _MISSED_DAYS = 3, 10  # of the month after
_STUCK = timedelta(hours=1)


def findings(as_of: datetime) -> Iterator[Finding]:
    """How far the run is, who has no bill, and what the next run puts right."""
    today = clock.local_date(as_of)
    status = run_status.of_last_month(today)
    command = f"manage.py issue_bills --period {status.period.code}"
    tone, value, note = _run(status, today.day, as_of)
    yield Finding(
        _("%(month)s 出账") % {"month": status.period.code}, tone, value, note, mend=_MEND, command=command
    )
    yield Finding(_("没有出账的户"), BAD if status.failed else OK, str(status.failed), mend=_MEND)
    yield Finding(_("待重算的月份"), OK, str(status.waiting), _("下次出账时更正"))


def _run(status: RunStatus, day: int, as_of: datetime) -> tuple[str, str, str]:
    run = status.run
    if run is None and not status.is_needed:
        return OK, _("没有要出账的业务"), ""
    if run is None:
        tone = BAD if day > _MISSED_DAYS else WARN if day > _LATE_DAYS else OK
        return tone, _("还没有出账"), ""
    note = _("%(accounts)s 户，%(bills)s 张账单") % {"accounts": run.accounts, "bills": run.bills}
    if status.is_complete:
        return OK, _("已完成"), note
    age = as_of - run.worked_at
    tone = BAD if age > _STUCK else WARN
    return tone, _("未完成，%(age)s前停在这里") % {"age": span(age)}, note
