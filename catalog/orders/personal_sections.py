"""What this flat holds on a user, for the copy that he may have."""

from collections.abc import Iterable

from django.db.models import Q

from accounts.models import User
from accounts.personal_data import Record, section
from accounts.personal_sections import fields
from accounts.rules import Action
from accounts.selectors import accounts
from catalog.orders.models import Order

_AT_ONCE = 2_000  # rows fetched at a time
_NAMES = ("number", "state", "channel", "submitted_at", "due_at", "promised_at", "finished_at")
_LINE = ("action", "offer__name", "address", "amount_cents", "effective_on", "state", "error")


@section("orders")
def orders(user: User) -> Iterable[Record]:
    """His own, and those of the accounts where he sees the bills, each with its parts.

    Who else ordered, and under which slip, is the other member's.
    """
    mine = accounts.where(user, Action.SEE_BILLS).order_by().values("pk")
    rows = Order.objects.filter(Q(user=user) | Q(account__in=mine)).select_related("account", "bill")
    for row in rows.prefetch_related("lines__offer").order_by("id").iterator(chunk_size=_AT_ONCE):
        is_his = row.user_id == user.pk
        lines = [fields(line, *_LINE) for line in sorted(row.lines.all(), key=lambda each: each.position)]
        yield fields(row, *_NAMES) | {
            "account": row.account.number,
            "bill": row.bill.number if row.bill else None,
            "by_me": is_his,
            "slip_number": row.slip_number if is_his else None,
            "lines": lines,
        }
