"""When the customer began and saw the quote: carried by his own pages, signed, so that a slip says how long it took."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.core import signing

_SALT = "operations.trace"


@dataclass(frozen=True, slots=True)
class Trace:
    started_at: datetime
    quoted_at: datetime | None = None  # null: no quote shown yet

    def quoted(self, at: datetime) -> "Trace":
        return replace(self, quoted_at=at)

    def signed(self) -> str:
        times = [self.started_at.isoformat(), self.quoted_at.isoformat() if self.quoted_at else ""]
        return signing.dumps(times, salt=_SALT)


def read(text: str, *, as_of: datetime) -> Trace:
    """What `text` says; one that was not signed here counts for nothing, and the trace begins now."""
    try:
        started, quoted = signing.loads(text, salt=_SALT)
    except signing.BadSignature:
        return Trace(started_at=as_of)
    return Trace(datetime.fromisoformat(started), datetime.fromisoformat(quoted) if quoted else None)
