"""The slips that a user left, for the copy of his data."""

from collections.abc import Iterable

from accounts.models import User
from accounts.personal_data import Record, section
from accounts.personal_sections import fields
from operations.models import Slip

_NAMES = ("number", "operation", "state", "channel", "price_cents", "refusal_code", "refusal_text")
_TIMES = ("started_at", "quoted_at", "confirmed_at", "finished_at")


@section("requests")
def requests(user: User) -> Iterable[Record]:
    """Each with what was filled in, what he confirmed it with and what became of it."""
    for slip in Slip.objects.for_user(user).order_by("id").iterator(chunk_size=2_000):
        kept = {"data": slip.data, "confirmation": slip.confirmation, "result": slip.result.get("text", "")}
        yield fields(slip, *_NAMES, *_TIMES) | kept
