"""Who may read what a customer sent in with his dispute: whoever may see the bill, and the staff who answer."""

from typing import Any

from billing.models import Bill, Dispute
from core import scopes
from core.uploads import kinds
from core.uploads.models import Upload


def _may_read(user: Any, upload: Upload) -> bool:
    disputes = Dispute.objects.filter(number=upload.subject)
    if Bill.objects.for_user(user).filter(disputes__in=disputes).exists():
        return True
    may_look = user.is_staff and user.has_perm("billing.view_dispute")
    return bool(may_look and scopes.seen(user, disputes).exists())


KIND = kinds.register(kinds.Kind("bill.dispute", _may_read))
