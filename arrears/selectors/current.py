"""Whether what a case told somebody still holds."""

from datetime import datetime

from arrears import rules
from arrears.models import CaseNotice
from arrears.selectors import facts
from core.clock import local_date


def is_current(message_id: int, as_of: datetime) -> bool:
    """False once its case has ended or gone on, nothing is owed, or something holds back what it announces."""
    notice = CaseNotice.objects.filter(message_id=message_id).select_related("case").first()
    if notice is None:  # no notice of a stage: what happened, which stays so
        return True
    case = notice.case
    subject = facts.of([case.account_id], as_of=as_of).get(case.account_id)
    if case.closed_at or case.stage != notice.stage or subject is None:
        return False
    return subject.facts.owed_cents > 0 and not rules.holding(subject.facts, local_date(as_of))
