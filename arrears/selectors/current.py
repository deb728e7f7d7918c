"""Whether what a case told somebody still holds."""

from datetime import datetime

from arrears.models import CaseNotice
from arrears.selectors import prospects


def is_current(message_id: int, as_of: datetime) -> bool:
    """False once its case has ended or gone on, nothing is owed, or something holds back what it announces."""
    notice = CaseNotice.objects.filter(message_id=message_id).select_related("case").first()
    if notice is None:  # no notice of a stage: what happened, which stays so
        return True
    case = notice.case
    if case.closed_at or case.stage != notice.stage:
        return False
    found = prospects.of([case.account_id], as_of=as_of)
    return any(each.subject.facts.owed_cents > 0 and not each.holds for each in found)
