"""What the codes of SMS gateways mean. Each carrier has its own: SMS_FAILURE_CODES adds them, "MK:0001=HARD,…".

In receipts a code says whose trouble it was. In the answer to a message it says as well whether another try can end
otherwise: trouble of the address or of the text cannot, a busy gateway, an empty balance or a wrong key can.
"""

from collections.abc import Mapping
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from notices.models import Failure

# Of receipts: the number takes no messages, now or later; not just now; or it is not about the number.
FAILURES: Mapping[str, str] = {
    "NO_SUCH_NUMBER": Failure.HARD,
    "NUMBER_CANCELLED": Failure.HARD,
    "NOT_A_MOBILE": Failure.HARD,
    "BAD_PHONE": Failure.HARD,
    "SWITCHED_OFF": Failure.SOFT,
    "OUT_OF_REACH": Failure.SOFT,
    "INBOX_FULL": Failure.SOFT,
    "NUMBER_SUSPENDED": Failure.SOFT,
    "EXPIRED": Failure.SOFT,
    "DENY_LIST": Failure.OTHER,
    "CARRIER": Failure.OTHER,
}
# Of answers: no other try will end otherwise. All other codes are worth one.
FOR_GOOD = frozenset(
    {"BAD_PHONE", "NO_SUCH_NUMBER", "NOT_A_MOBILE", "BAD_REQUEST", "BAD_TEXT", "TOO_LONG", "DENY_LIST"}
)


def configured() -> Mapping[str, str]:
    """The codes above and the operator's own, which go first."""
    return {**FAILURES, **parse(settings.SMS_FAILURE_CODES)}


@lru_cache(maxsize=16)
def parse(text: str) -> dict[str, str]:
    """Raises ImproperlyConfigured."""
    codes: dict[str, str] = {}
    for word in filter(None, (word.strip() for word in text.split(","))):
        code, _equals, failure = word.rpartition("=")
        if not code or failure not in Failure.values:
            raise ImproperlyConfigured(f"SMS_FAILURE_CODES: {word!r} is not like MK:0001=HARD")
        codes[code] = failure
    return codes
