"""The bills that go out by e-mail: one mail for each new bill of an account that subscribed, however often this runs.

A bill is new to a subscription when it was written after the confirmation, and is of the running cycle: imported
history is not mailed. Once per bill is what BillMail's unique key says; it is written together with the message, so
that a run which is killed leaves both or none.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse
from django.utils import formats, translation

from accounts.selectors import regions
from billing import documents
from billing.models import Bill, BillKind, EmailSubscription, EmailSubscriptionState
from billing.services.mails import email_subscriptions
from billing.texts import month_name
from core import clock, heartbeats, money
from core.actor import Actor
from notices import attachments
from notices.attachments import Attachment
from notices.models import Channel
from notices.services import bulk_messages
from notices.services.messages import Address

log = logging.getLogger(__name__)
JOB, EVERY = "mail_bills", timedelta(minutes=10)
heartbeats.expect(JOB, every=EVERY)
CHUNK = 500  # subscriptions in one transaction
CYCLE = timedelta(
    days=31
)  # a bill may be dated so much earlier than the subscription to whose month it belongs
OLDEST = timedelta(days=62)  # what is older is no news any more: nobody looks further back
PDF = "billing.bill_pdf"


@dataclass
class Counts:
    """Bills: sent (in a dry run: to be sent), and those whose mail could not be made."""

    sent: int = 0
    failed: int = 0

    def add(self, other: "Counts") -> None:
        self.sent += other.sent
        self.failed += other.failed

    def as_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is asked to do."""

    as_of: datetime
    dry_run: bool = False
    limit: int | None = None  # bills; None: all
    account_number: str = ""  # "": all accounts
    region: str = ""  # the code of a region; "": everywhere
    stop: Callable[[], bool] = field(default=lambda: False)  # asked between chunks


def run_now(*, as_of: datetime) -> Counts:
    """The whole run of the scheduler, with its heartbeat."""
    total = Counts()
    with heartbeats.beat(JOB, every=EVERY, as_of=as_of) as beat:
        for total in run(Job(as_of=as_of)):
            beat.detail |= total.as_json()
        beat.ok = not total.failed
    return total


def run(job: Job) -> Iterator[Counts]:
    """Queues a mail for each bill that is due one; the counts after each chunk. Safe to run twice and side by side."""
    if not job.dry_run:
        email_subscriptions.lapse(actor=Actor.job(JOB), as_of=job.as_of)
    total, after = Counts(), 0
    while not job.stop() and (job.limit is None or total.sent < job.limit):
        ids = _next(job, after)
        if not ids:
            return
        after = ids[-1]
        total.add(_chunk(job, ids, None if job.limit is None else job.limit - total.sent))
        yield total


def _next(job: Job, after: int) -> list[int]:
    rows = EmailSubscription.objects.filter(
        regions.only(job.region), state=EmailSubscriptionState.ACTIVE, pk__gt=after
    )
    if job.account_number:
        rows = rows.filter(account__number=job.account_number)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK])


def _chunk(job: Job, ids: Sequence[int], most: int | None) -> Counts:
    """Together; if that fails, one by one, so that one bad row costs its own mail only."""
    try:
        return Counts(sent=_mail(job, ids, most))
    except Exception:
        if len(ids) == 1:
            log.exception("bill not mailed", extra={"subscription": ids[0]})
            return Counts(failed=1)
    total = Counts()
    for each in ids:
        if most is None or total.sent < most:
            total.add(_chunk(job, [each], None if most is None else most - total.sent))
    return total


def _mail(job: Job, ids: Sequence[int], most: int | None) -> int:
    """Looks without locks, since a run finds nothing as a rule; what is due is looked at again under them."""
    active = EmailSubscription.objects.filter(pk__in=ids, state=EmailSubscriptionState.ACTIVE)
    due = _due(active.select_related("account"), job.as_of)[:most]
    if job.dry_run or not due:
        return len(due)
    with transaction.atomic():
        locked = active.filter(pk__in={row.pk for row, _ in due}).order_by("pk").select_for_update()
        still = set(locked.values_list("pk", flat=True))  # who unsubscribes just now waits for this to end
        new = _claimed([pair for pair in due if pair[0].pk in still], job.as_of)
        _send([pair for pair in due if pair[1].pk in new], as_of=job.as_of)
    return len(new)


def _due(active: Iterable[EmailSubscription], as_of: datetime) -> list[tuple[EmailSubscription, Bill]]:
    by_account = {row.account_id: row for row in active}
    return [(by_account[bill.account_id], bill) for bill in _bills(by_account, as_of)]


def _bills(by_account: dict[int, EmailSubscription], as_of: datetime) -> list[Bill]:
    """The bills of these accounts that are due a mail, oldest first."""
    found = Bill.objects.filter(
        account_id__in=by_account,
        kind=BillKind.PERIODIC,
        issued_on__gte=clock.local_date(as_of) - OLDEST,
        created_at__lte=as_of,
        mail=None,
    )
    return [bill for bill in found.order_by("issued_on", "pk") if _is_new(bill, by_account[bill.account_id])]


def _is_new(bill: Bill, subscription: EmailSubscription) -> bool:
    confirmed = subscription.confirmed_at
    if confirmed is None:  # not ACTIVE: a law forbids it
        return False
    return bill.created_at >= confirmed and bill.issued_on >= clock.local_date(confirmed) - CYCLE


_CLAIM = """
    INSERT INTO billing_billmail (bill_id, subscription_id, at)
    SELECT bill_id, subscription_id, %s FROM unnest(%s::bigint[], %s::bigint[]) AS due (bill_id, subscription_id)
     ORDER BY bill_id ON CONFLICT (bill_id) DO NOTHING RETURNING bill_id"""


def _claimed(due: Sequence[tuple[EmailSubscription, Bill]], as_of: datetime) -> set[int]:
    """The bills among them that nobody else has mailed meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [as_of, [bill.pk for _, bill in due], [row.pk for row, _ in due]])
        return {bill_id for (bill_id,) in cursor.fetchall()}


def _send(due: Sequence[tuple[EmailSubscription, Bill]], *, as_of: datetime) -> None:
    for code, is_open in (("bill_mail", True), ("bill_mail_paid", False)):
        letters = [_letter(row, bill) for row, bill in due if bool(bill.open_cents) == is_open]
        if letters:
            bulk_messages.send(code=code, letters=letters, as_of=as_of)


def _letter(row: EmailSubscription, bill: Bill) -> bulk_messages.Letter:
    unsubscribe_url = email_subscriptions.unsubscribe_url(row)
    with translation.override(row.language):
        context = {
            "account_tail": row.account.number[-4:],
            "month": month_name(bill.period),
            "amount": money.display(bill.total_cents),
            "open": money.display(bill.open_cents),
            "due": formats.date_format(bill.due_on, "DATE_FORMAT"),
            "url": settings.BASE_URL + reverse("billing:bill", args=[bill.number]),
            "unsubscribe_url": unsubscribe_url,
        }
    if not bill.open_cents:
        del context["open"], context["due"]
    return bulk_messages.Letter(
        recipient_ref=email_subscriptions.REF + row.reference,
        address=Address(Channel.EMAIL, row.address),
        context=context,
        dedupe_key=f"bill_mail:{bill.number}",
        language=row.language,
        attachment=attachments.reference(PDF, f"{bill.number}/{row.reference}"),
        unsubscribe_url=unsubscribe_url,
    )


@attachments.writer(PDF)
def bill_pdf(reference: str, *, language: str, as_of: datetime) -> Attachment:
    """The bill as it stands when the mail goes out; withdrawn for who has unsubscribed since the mail was queued."""
    number, _slash, subscription = reference.partition("/")
    if not EmailSubscription.objects.filter(
        reference=subscription, state=EmailSubscriptionState.ACTIVE
    ).exists():
        raise attachments.Withdrawn()
    bill = Bill.objects.select_related("account__customer").get(number=number)
    return Attachment(
        name=f"{bill.number}.pdf",
        content=documents.bill_pdf(bill, language=language, as_of=as_of),
        media_type="application/pdf",
    )
