"""Bills that are suddenly huge: found soon after they were written, the customer told at once, staff asked to look.

The rule is 电信条例 art. 33: more than five times the mean of the three months before. A month counts with all its
periodic bills; each of the three calendar months before the bill's must have one, or there is nothing to compare with
and nobody is warned. Imported history is left alone: a bill that was issued long ago is no news.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.utils import translation

from accounts.models import Contact, User
from accounts.selectors import regions
from billing import explain, locks
from billing.models import LargeBill, LargeBillSearch
from billing.texts import month_name
from core import audit, clock, heartbeats, money
from core.actor import Actor
from core.errors import Conflict
from notices.models import Channel
from notices.services import bulk_messages
from notices.services.messages import Address

log = logging.getLogger(__name__)
JOB, EVERY = "warn_large_bills", timedelta(minutes=10)
heartbeats.expect(JOB, every=EVERY)
CHUNK = 10_000  # bills looked at in one transaction
OLDEST = timedelta(days=62)  # bills issued before are no news any more
# A transaction that writes bills may commit after one with higher ids: each search looks again at what the last hour's
# searches saw. No import keeps a transaction open for so long.
OVERLAP = timedelta(hours=1)


@dataclass
class Counts:
    """Bills: looked at, warned about (in a dry run: to be), of those without anybody to tell, and failed."""

    looked: int = 0
    warned: int = 0
    untold: int = 0
    failed: int = 0

    def add(self, other: "Counts") -> None:
        self.looked += other.looked
        self.warned += other.warned
        self.untold += other.untold
        self.failed += other.failed

    def as_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is asked to do."""

    as_of: datetime
    dry_run: bool = False
    limit: int | None = None  # bills to look at; None: all
    from_start: bool = False  # also what earlier searches have looked at
    region: str = ""  # the code of a region; "": everywhere
    stop: Callable[[], bool] = field(default=lambda: False)  # asked between chunks


class Found(NamedTuple):
    """A bill with what the rule needs: the sums of those of the three months before that have a bill."""

    bill_id: int
    number: str
    account_id: int
    account_number: str
    period: str
    total_cents: int
    months: list[int]


class AlreadyChecked(Conflict):
    code = "LARGE_BILL_ALREADY_CHECKED"


def run_now(*, as_of: datetime) -> Counts:
    """The whole run of the scheduler, with its heartbeat."""
    total = Counts()
    with heartbeats.beat(JOB, every=EVERY, as_of=as_of) as beat:
        for total in run(Job(as_of=as_of)):
            beat.detail |= total.as_json()
        beat.ok = not total.failed
    return total


def run(job: Job) -> Iterator[Counts]:
    """Warns of each large bill that is new, once; the counts after each chunk. Safe to run twice and side by side."""
    regions.only(job.region)  # refuses one that does not exist before anything is done
    total, after = Counts(), 0 if job.from_start else _looked_up_to(job.as_of)
    started_at = after
    while not job.stop() and (job.limit is None or total.looked < job.limit):
        size = CHUNK if job.limit is None else min(CHUNK, job.limit - total.looked)
        last, looked = _page(after, size)
        if not looked:
            break
        total.add(_chunk(job, after, last, looked))
        after = last
        yield total
    is_whole = not (job.dry_run or job.region or total.failed)  # else somebody must look again
    if after > started_at and is_whole:
        LargeBillSearch.objects.create(up_to=after, at=job.as_of)


def check(*, bill_id: int, actor: Actor, reason: str, as_of: datetime) -> LargeBill:
    """Staff have looked whether the bill is right; their finding stays in the audit trail. Raises AlreadyChecked."""
    with transaction.atomic():
        found = locks.large_bill(bill_id)
        if found.checked_at:
            raise AlreadyChecked()
        found.checked_at = as_of
        found.save(update_fields=["checked_at"])
        audit.record(actor=actor, action="large_bill.checked", subject=found, reason=reason, as_of=as_of)
    return found


def _looked_up_to(as_of: datetime) -> int:
    rows = LargeBillSearch.objects.filter(at__lte=as_of - OVERLAP).order_by("-up_to")
    return rows.values_list("up_to", flat=True).first() or 0


def _page(after: int, size: int) -> tuple[int, int]:
    """The highest id of the next `size` bills, and how many they are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(id), 0), count(*) FROM"
            " (SELECT id FROM billing_bill WHERE id > %s ORDER BY id LIMIT %s) page",
            [after, size],
        )
        last, looked = cursor.fetchone()
    return int(last), int(looked)


def _chunk(job: Job, after: int, last: int, looked: int) -> Counts:
    """Together; if that fails, one by one, so that one bad row costs its own warning only."""
    large = [row for row in _facts(job, after, last) if explain.is_large(row.total_cents, row.months)]
    if job.dry_run:
        return Counts(looked, len(large))
    total = Counts(looked)
    try:
        total.add(_warn(large, job.as_of))
        return total
    except Exception:
        log.exception("chunk of large bills failed, trying one by one", extra={"bills": len(large)})
    for each in large:
        try:
            total.add(_warn([each], job.as_of))
        except Exception:
            log.exception("large bill not warned of", extra={"bill": each.bill_id})
            total.add(Counts(failed=1))
    return total


# A period that is no month is left out; text is compared because that is how bills name their month.
_FACTS = """
    SELECT b.id, b.number, b.account_id, a.number, b.period, b.total_cents,
           ARRAY(SELECT sum(p.total_cents)::bigint FROM billing_bill p
                  WHERE p.account_id = b.account_id AND p.kind = 'PERIODIC' AND p.period = ANY(ARRAY[
                        to_char(month.first - interval '1 month', 'YYYY-MM'),
                        to_char(month.first - interval '2 months', 'YYYY-MM'),
                        to_char(month.first - interval '3 months', 'YYYY-MM')])
                  GROUP BY p.period)
      FROM billing_bill b
      JOIN accounts_billingaccount a ON a.id = b.account_id
     CROSS JOIN LATERAL (SELECT to_date(b.period, 'YYYY-MM')::timestamp AS first) month
     WHERE b.id > %(after)s AND b.id <= %(last)s AND b.kind = 'PERIODIC' AND b.issued_on >= %(since)s
       AND b.period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'
       AND NOT EXISTS (SELECT FROM billing_largebill known WHERE known.bill_id = b.id)
       AND (%(regions)s::bigint[] IS NULL OR a.region_id = ANY(%(regions)s))
     ORDER BY b.id"""


def _facts(job: Job, after: int, last: int) -> list[Found]:
    since = clock.local_date(job.as_of) - OLDEST
    beneath = regions.beneath(job.region) if job.region else None
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"after": after, "last": last, "since": since, "regions": beneath}
        cursor.execute(_FACTS, values)
        return [Found(*row) for row in cursor.fetchall()]


_INSERT = """
    INSERT INTO billing_largebill (bill_id, before_cents, found_at, told_at)
    SELECT bill_id, before_cents, %s, CASE WHEN has_phone THEN %s::timestamptz END
      FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[]) AS found (bill_id, before_cents, has_phone)
     ORDER BY bill_id ON CONFLICT (bill_id) DO NOTHING RETURNING bill_id"""


@transaction.atomic
def _warn(large: Sequence[Found], as_of: datetime) -> Counts:
    """The rows and their messages, for those that nobody else has warned of meanwhile."""
    if not large:
        return Counts()
    phones = _phones([row.account_id for row in large])
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                as_of,
                as_of,
                [row.bill_id for row in large],
                [sum(row.months) for row in large],
                [row.account_id in phones for row in large],
            ],
        )
        new = {bill_id for (bill_id,) in cursor.fetchall()}
    told = [row for row in large if row.bill_id in new and row.account_id in phones]
    if told:
        languages = _languages(phones.values())
        letters = [_letter(row, phones[row.account_id], languages) for row in told]
        bulk_messages.send(code="large_bill", letters=letters, as_of=as_of)
    return Counts(warned=len(new), untold=len(new) - len(told))


def _phones(account_ids: Sequence[int]) -> dict[int, str]:
    """The contact phone of each account that has one."""
    rows = Contact.objects.filter(account_id__in=account_ids, kind=Contact.Kind.PHONE, is_primary=True)
    return dict(rows.values_list("account_id", "value"))


def _languages(phones: Collection[str]) -> dict[str, str]:
    """What those who log in with these phones read."""
    users = User.objects.filter(phone__in=phones).order_by("pk")
    return {user.phone: user.language for user in users if user.phone}


def _letter(row: Found, phone: str, languages: dict[str, str]) -> bulk_messages.Letter:
    language = languages.get(phone, settings.LANGUAGE_CODE)
    mean = LargeBill(bill_id=row.bill_id, before_cents=sum(row.months)).mean_cents
    with translation.override(language):
        month = month_name(row.period)
    return bulk_messages.Letter(
        recipient_ref=f"account:{row.account_number}",
        address=Address(Channel.SMS, phone),
        context={
            "account_tail": row.account_number[-4:],
            "month": month,
            "amount": money.display(row.total_cents),
            "mean": money.display(mean),
        },
        dedupe_key=f"large_bill:{row.number}",
        language=language,
    )
