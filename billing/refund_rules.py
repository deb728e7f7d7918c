"""Pure decisions about money that goes back."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

DAYS_TO_REFUND = 15  # calendar days: longer counts as delay on purpose (侵害消费者权益行为处罚办法, art. 10)
# After so many days the gateway takes no refund of a payment. Where no figure is known, its refusal tells.
SOURCE_DAYS = {"wechatpay": 365}
APART = timedelta(minutes=1)  # between two refunds of one order, and between two questions about one refund
LONGEST_WAIT = timedelta(hours=1)


def due_on(asked_on: date) -> date:
    """The last day on which the money arrives in time."""
    return asked_on + timedelta(days=DAYS_TO_REFUND)


def can_go_to_source(
    gateway: str, reference: str, paid_at: datetime, *, as_of: datetime, gateways: Collection[str]
) -> bool:
    """Whether the money can go back the way it came: through a gateway that knows the order and still takes refunds."""
    if gateway not in gateways or not reference:
        return False
    days = SOURCE_DAYS.get(gateway)
    return days is None or as_of < paid_at + timedelta(days=days)


def wait(attempts: int) -> timedelta:
    """How long after this attempt the next one comes: 1 min, 2 min, 4 min … 1 h."""
    doublings = min(max(attempts - 1, 0), 10)
    return min(APART * int(2**doublings), LONGEST_WAIT)


def unexplained(reported_cents: int, booked_cents: int) -> int:
    """Fen of a gateway's running total that no booked refund explains. An old message tells less than is booked."""
    return max(0, reported_cents - booked_cents)


def needs_staff(cents: int, *, asked_today: int, limit: int, is_under_review: bool) -> bool:
    """Whether a customer's request waits for staff: money that is looked at, or more in a day than the limit."""
    return is_under_review or asked_today + cents > limit
