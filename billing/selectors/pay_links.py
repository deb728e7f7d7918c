"""Reading pay links."""

from datetime import datetime

from billing.models import PayLink
from billing.selectors import counter


def amount(link: PayLink, *, as_of: datetime) -> int:
    """What the link asks for now, in fen: its own amount, or all that is owed (of its bill). 0: nothing."""
    if link.amount_cents is not None:
        return link.amount_cents
    return counter.due_cents(link.account, bill=link.bill, as_of=as_of)
