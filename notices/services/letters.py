"""Letters: printed on a list, posted with a scanned proof, delivered days later unless they come back.

A letter waits (QUEUED) until staff make a list: it is then SENT, and printed. The day of posting is registered once,
with the scanned proof of it. `POST_DAYS` later the letter counts as delivered; the receipt holds the proof's digest.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _

from core import audit, clock
from core.actor import Actor
from core.errors import Conflict, HallError, NotFound
from core.scopes import Sight
from core.uploads import files
from notices import letter_proofs, locks, rules
from notices.models import (
    POST_DAYS,
    Channel,
    Delivery,
    DeliveryAttempt,
    DeliveryReceipt,
    DeliveryState,
    Failure,
    LetterList,
)
from notices.services import attempts, failures, fallbacks, texts

PROVIDER = "post"
RETURNED = "RETURNED"
MOST = 500  # letters of one list: what a person prints and puts into envelopes


class NothingToPrint(Conflict):
    code = "NO_LETTERS"
    message = _("没有待打印的信函")


class AlreadyPosted(Conflict):
    code = "LETTERS_POSTED"
    message = _("这份清单已经登记交寄")


class BadPostingDay(HallError):
    code = "BAD_POSTING_DAY"
    message = _("交寄日不能早于清单生成日，也不能晚于今天")
    status = 422


class NotReturnable(Conflict):
    code = "NOT_RETURNABLE"
    message = _("只有已打印的信函可以登记退信，且只登记一次")


@dataclass(frozen=True, slots=True)
class Proof:
    """The scanned proof of posting as it was sent in."""

    name: str
    chunks: Iterable[bytes]


def waiting() -> "QuerySet[Delivery]":
    """Letters that are on no list yet, those that must go first in front."""
    queued = Delivery.objects.filter(channel=Channel.LETTER, state=DeliveryState.QUEUED)
    return queued.order_by("priority", "next_attempt_at", "id")


def to_post() -> "QuerySet[LetterList]":
    """Lists that are printed and not known to be posted, the oldest first."""
    return LetterList.objects.filter(posted_on=None).order_by("pk")


@transaction.atomic
def print_list(
    *, sight: Sight, region_ref: str, actor: Actor, as_of: datetime, most: int = MOST
) -> LetterList:
    """A new list with the letters that wait within sight. Raises NothingToPrint. Two lists never hold one letter."""
    due = sight(waiting().filter(next_attempt_at__lte=as_of))
    found = due.select_for_update(skip_locked=True, of=("self",)).select_related("message", "template")
    rows = _printable(list(found[:most]), as_of)
    if not rows:
        raise NothingToPrint()
    made = _new_list(region_ref, actor, as_of)
    keys = [row.pk for row in rows]
    Delivery.objects.filter(pk__in=keys).update(
        letter_list=made,
        state=DeliveryState.SENT,
        provider=PROVIDER,
        sent_at=as_of,
        attempts=F("attempts") + 1,
        error="",
    )
    _keep_attempts(rows, as_of)
    detail = {"letters": len(rows)}
    audit.record(actor=actor, action="letters.print", subject=made, detail=detail, as_of=as_of)
    return made


def register_posting(
    *, list_id: int, posted_on: date, proof: Proof, actor: Actor, as_of: datetime
) -> LetterList:
    """The list was posted on that day, as the proof shows.

    Raises NotFound, AlreadyPosted, BadPostingDay, and what `core.uploads.files.keep` raises about the proof.
    """
    kept = files.keep(
        kind=letter_proofs.KIND.code,
        name=proof.name,
        chunks=proof.chunks,
        owner_ref=actor.ref,
        actor=actor,
        as_of=as_of,
    )
    with transaction.atomic():
        row = locks.letter_list(list_id)
        if row is None:
            raise NotFound()
        if row.posted_on is not None:
            raise AlreadyPosted()
        if not clock.local_date(row.created_at) <= posted_on <= clock.local_date(as_of):
            raise BadPostingDay()
        files.use(upload_id=kept.pk, subject=row.number, as_of=as_of)
        row.posted_on, row.proof, row.posted_by = posted_on, kept, actor.ref
        row.save(update_fields=["posted_on", "proof", "posted_by"])
    return row


def deliver(*, as_of: datetime) -> int:
    """Letters of lists that were posted `POST_DAYS` ago count as delivered; how many. Safe side by side."""
    last = clock.local_date(as_of) - timedelta(days=POST_DAYS)
    posted = LetterList.objects.filter(posted_on__lte=last, deliveries__state=DeliveryState.SENT)
    keys = list(posted.order_by("pk").values_list("pk", flat=True).distinct())
    return sum(_deliver_list(key, as_of) for key in keys)


@transaction.atomic
def returned(*, delivery_id: int, reason: str, actor: Actor, as_of: datetime) -> Delivery:
    """The letter came back: its address takes none. One that counted as delivered keeps that state, and its failure.

    Raises NotFound, or NotReturnable.
    """
    row = locks.delivery(delivery_id)
    if row is None:
        raise NotFound()
    is_printed = row.channel == Channel.LETTER and row.state in (DeliveryState.SENT, DeliveryState.DELIVERED)
    if not is_printed or row.failure:
        raise NotReturnable()
    told = {"reason": reason, "actor": actor.ref, "at": as_of.isoformat()}
    raw = json.dumps(told, ensure_ascii=False, sort_keys=True).encode()
    _receipt(row, RETURNED, raw, None, as_of).save()
    row.failure, row.error = Failure.HARD, "letter came back"
    if row.state == DeliveryState.SENT:
        row.state = DeliveryState.FAILED
    row.save(update_fields=["state", "failure", "error"])
    fallbacks.hasten(row, as_of=as_of)
    failures.tell(row, Failure.HARD, as_of=as_of)
    return row


def _printable(rows: list[Delivery], as_of: datetime) -> list[Delivery]:
    """Without those that are needed no more, each with its text."""
    needless = [row.pk for row in rows if fallbacks.is_needless(row)]
    Delivery.objects.filter(pk__in=needless).update(state=DeliveryState.EXPIRED, error=fallbacks.NEEDLESS)
    kept = [row for row in rows if row.pk not in needless]
    unwritten = [row for row in kept if not row.body]
    refused = texts.fill(unwritten, as_of=as_of) if unwritten else set()
    return [row for row in kept if row.pk not in refused]


def _new_list(region_ref: str, actor: Actor, as_of: datetime) -> LetterList:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('notices_letterlist', 'id'))")
        (key,) = cursor.fetchone()
    return LetterList.objects.create(
        pk=key,
        number=f"XJ{clock.local_date(as_of):%Y%m%d}{key:06d}",
        region_ref=region_ref,
        created_at=as_of,
        created_by=actor.ref,
    )


def _keep_attempts(rows: list[Delivery], as_of: datetime) -> None:
    worker = attempts.worker()
    DeliveryAttempt.objects.bulk_create(
        DeliveryAttempt(delivery=row, number=row.attempts + 1, at=as_of, worker=worker, provider=PROVIDER)
        for row in rows
    )


@transaction.atomic
def _deliver_list(list_id: int, as_of: datetime) -> int:
    posted = locks.letter_list(list_id)
    if posted is None or posted.proof is None:
        return 0
    rows = [row for row in locks.letters_of(list_id) if row.state == DeliveryState.SENT]
    raw, day = posted.proof.digest.encode(), posted.posted_on
    receipts = [_receipt(row, rules.DELIVERED, raw, day, as_of) for row in rows]
    DeliveryReceipt.objects.bulk_create(receipts, ignore_conflicts=True)
    Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=DeliveryState.DELIVERED, delivered_at=as_of, fallback_at=None
    )
    return len(rows)


def _receipt(
    row: Delivery, status: str, raw: bytes, posted_on: date | None, as_of: datetime
) -> DeliveryReceipt:
    """`reported_at`: the beginning of the day of posting; None for a letter that came back."""
    return DeliveryReceipt(
        delivery=row,
        provider=PROVIDER,
        provider_message_id=row.reference,
        status=status,
        reported_at=datetime.combine(posted_on, datetime.min.time(), clock.SHANGHAI) if posted_on else None,
        received_at=as_of,
        is_verified=True,
        raw=raw,
    )
