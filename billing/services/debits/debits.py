"""The job that announces and debits the bills of those who let their bank pay.

Level-triggered: each run looks at the open bills of all active agreements and does what `debit_rules.step` says. What
was announced and tried are rows with unique keys, so a second run, or one after a crash, does nothing twice.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.utils import formats, translation
from django.utils.translation import gettext as _

from accounts import locks as account_locks
from accounts.selectors import regions
from billing import debit_rules
from billing.debit_rules import Step
from billing.gateways import registry
from billing.gateways.base import Charge, GatewayError
from billing.gateways.debit.base import AGREEMENT_ENDED, DebitRefused
from billing.models import Bill, DebitAgreement, DebitAgreementState, DebitNotice, DebitTry, Payment
from billing.selectors import debits as reads
from billing.selectors.debits import Due
from billing.services.debits import debit_agreements
from billing.services.money import suspense
from billing.services.payments import payments
from billing.services.payments.settling import NETWORK
from billing.texts import bill_title
from core import clock, heartbeats, money
from core.actor import Actor
from notices.models import Channel
from notices.services import bulk_messages, messages

log = logging.getLogger(__name__)
JOB, EVERY = "collect_debits", timedelta(days=1)  # by day only: see the schedule
heartbeats.expect(JOB, every=EVERY)
ACTOR = Actor.job(JOB)
CHUNK = 500  # agreements looked at together


class Outcome(StrEnum):
    """What became of one debit."""

    DONE = "DONE"
    REFUSED = "REFUSED"  # for good; the next try is another debit
    UNKNOWN = "UNKNOWN"  # the payment will be asked about like any other
    SKIPPED = "SKIPPED"  # not any more, or somebody is paying just now


@dataclass
class Counts:
    """Bills: told about (in a dry run: to be), debited (in a dry run: to be), refused, unknown, skipped and failed."""

    announced: int = 0
    done: int = 0
    refused: int = 0
    unknown: int = 0
    skipped: int = 0
    failed: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)

    @property
    def touched(self) -> int:
        return sum(self.as_json().values())


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is asked to do."""

    as_of: datetime
    dry_run: bool = False
    limit: int | None = None  # bills; None: all
    account_number: str = ""  # "": all accounts
    region: str = ""  # the code of a region; "": everywhere
    stop: Callable[[], bool] = field(default=lambda: False)  # asked between chunks, and between debits


def run_now(*, as_of: datetime) -> Counts:
    """The whole run of the scheduler, with its heartbeat."""
    total = Counts()
    with heartbeats.beat(JOB, every=EVERY, as_of=as_of) as beat:
        for total in run(Job(as_of=as_of)):
            beat.detail |= total.as_json()
        beat.ok = not total.failed
    return total


def run(job: Job) -> Iterator[Counts]:
    """Tells of the debits that come, and debits what is due; the counts after each chunk. Safe to run side by side.

    Once the bank is silent, the rest of this run's debits wait for the next run.
    """
    if not registry.offers_debit():
        return
    if not job.dry_run:
        debit_agreements.lapse(actor=ACTOR, as_of=job.as_of)
        debit_agreements.tell_ends(as_of=job.as_of)
        debit_agreements.ask_about_pending(actor=ACTOR, as_of=job.as_of)
    turn, after = _Turn(job), 0
    while not turn.is_over and (ids := _next(job, after)):
        after = ids[-1]
        turn.work_off(reads.due(ids))
        yield turn.counts


def _next(job: Job, after: int) -> list[int]:
    rows = DebitAgreement.objects.filter(
        regions.only(job.region), state=DebitAgreementState.ACTIVE, pk__gt=after
    )
    if job.account_number:
        rows = rows.filter(account__number=job.account_number)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK])


class _Turn:
    """One run: what it has done, and whether the bank still answers."""

    def __init__(self, job: Job) -> None:
        self.job, self.counts, self.is_silent = job, Counts(), False

    @property
    def is_over(self) -> bool:
        return self.job.stop() or (self._left is not None and self._left <= 0)

    @property
    def _left(self) -> int | None:
        return None if self.job.limit is None else self.job.limit - self.counts.touched

    def work_off(self, rows: Sequence[Due]) -> None:
        by_step: dict[Step, list[Due]] = {Step.ANNOUNCE: [], Step.DEBIT: [], Step.NOTHING: []}
        for row in rows:
            by_step[step(row, self.job.as_of)].append(row)
        self._announce(by_step[Step.ANNOUNCE][: self._left])
        for row in by_step[Step.DEBIT]:
            if self.is_over or self.is_silent:
                return
            self._debit(row)

    def _announce(self, rows: Sequence[Due]) -> None:
        """Together; if that fails, one by one, so that one bad row costs its own notice only."""
        if self.job.dry_run or not rows:
            self.counts.announced += len(rows)
            return
        try:
            self.counts.announced += announce(rows, as_of=self.job.as_of)
        except Exception:
            log.exception("debits not announced", extra={"bills": len(rows)})
            if len(rows) == 1:
                self.counts.failed += 1
                return
            for row in rows:
                self._announce([row])

    def _debit(self, row: Due) -> None:
        if self.job.dry_run:
            self.counts.done += 1
            return
        try:
            outcome, self.is_silent = debit(
                agreement_id=row.agreement_id, bill_id=row.bill_id, as_of=self.job.as_of
            )
        except Exception:  # one bill's own trouble must not stop the others
            log.exception("bill not debited", extra={"bill": row.bill_id})
            self.counts.failed += 1
            return
        name = outcome.value.lower()
        setattr(self.counts, name, getattr(self.counts, name) + 1)


def step(row: Due, as_of: datetime) -> Step:
    today = clock.local_date(as_of)
    return debit_rules.step(row.facts, today=today, notice_days=settings.DEBIT_NOTICE_DAYS)


@transaction.atomic
def announce(rows: Sequence[Due], *, as_of: datetime) -> int:
    """The customers are told of these debits, once each: or that the bill is above their limit. How many were new."""
    today = clock.local_date(as_of)
    debit_on = {
        row.bill_id: debit_rules.debit_on(
            row.facts.due_on, today=today, notice_days=settings.DEBIT_NOTICE_DAYS
        )
        for row in rows
    }
    values: list[list[Any]] = [
        [row.agreement_id for row in rows],
        [row.bill_id for row in rows],
        [row.facts.open_cents for row in rows],
        [debit_on[row.bill_id] for row in rows],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_ANNOUNCE, [as_of, *values])
        new = [notice_id for (notice_id,) in cursor.fetchall()]
    found = DebitNotice.objects.filter(pk__in=new).select_related("bill__account", "agreement").order_by("pk")
    letters: dict[str, list[bulk_messages.Letter]] = {}
    for notice in found:
        if phone := debit_agreements.contact(notice.agreement.account_id):
            code, letter = _letter(notice, phone)
            letters.setdefault(code, []).append(letter)
    for code, of_code in letters.items():
        bulk_messages.send(code=code, letters=of_code, as_of=as_of)
    return len(new)


_ANNOUNCE = """
    INSERT INTO billing_debitnotice (agreement_id, bill_id, amount_cents, debit_on, at)
    SELECT agreement_id, bill_id, amount_cents, debit_on, %s
      FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::date[])
        AS told (agreement_id, bill_id, amount_cents, debit_on)
     ORDER BY agreement_id, bill_id ON CONFLICT (agreement_id, bill_id) DO NOTHING RETURNING id"""


def _letter(notice: DebitNotice, phone: str) -> tuple[str, bulk_messages.Letter]:
    """Which text, and what is in it."""
    agreement, number = notice.agreement, notice.bill.account.number
    is_above = notice.amount_cents > agreement.max_cents
    context = {
        "account_tail": number[-4:],
        "bill": in_language(agreement, bill_title, notice.bill),
        "amount": money.display(notice.amount_cents),
    }
    if is_above:
        context |= {"max": money.display(agreement.max_cents)}
    else:
        context |= {"day": shown_day(agreement, notice.debit_on)}
    letter = bulk_messages.Letter(
        recipient_ref=f"account:{number}",
        address=messages.Address(Channel.SMS, phone),
        context=context,
        dedupe_key=f"debit_notice:{agreement.reference}:{notice.bill.number}",
        language=agreement.language,
    )
    return ("debit_above_limit" if is_above else "debit_due"), letter


def in_language(agreement: DebitAgreement, say: Callable[[Bill], str], bill: Bill) -> str:
    with translation.override(agreement.language):
        return say(bill)


def shown_day(agreement: DebitAgreement, day: date) -> str:
    with translation.override(agreement.language):
        return formats.date_format(day, "DATE_FORMAT")


def debit(*, agreement_id: int, bill_id: int, as_of: datetime) -> tuple[Outcome, bool]:
    """One try to debit an announced bill, if it is still due; and whether the bank was silent.

    The payment is UNKNOWN from before the bank is called: whatever happens to this process, it is asked about later.
    """
    started = _start(agreement_id, bill_id, as_of=as_of)
    if started is None:
        return Outcome.SKIPPED, False
    payment, agreement = started
    try:
        report = registry.debit_gateway().debit(_charge(payment), agreement.agreement_no)
    except DebitRefused as error:
        _refused(payment, agreement, error, as_of=as_of)
        return Outcome.REFUSED, False
    except (GatewayError, ImproperlyConfigured) as error:
        code = getattr(error, "code", "")
        log.warning("debit without an answer", extra={"payment": payment.reference, "code": code})
        return Outcome.UNKNOWN, code == NETWORK
    suspense.apply(payment_id=payment.pk, report=report, as_of=as_of, actor=ACTOR)
    return Outcome.DONE, False


def _start(agreement_id: int, bill_id: int, *, as_of: datetime) -> tuple[Payment, DebitAgreement] | None:
    """The try with its payment, decided on anew under the account's lock; None when it is not to be."""
    account_id = DebitAgreement.objects.values_list("account_id", flat=True).get(pk=agreement_id)
    with transaction.atomic():
        account_locks.account(account_id)
        row = next(iter(reads.due([agreement_id], bill_id=bill_id)), None)
        if row is None or row.notice_id is None or step(row, as_of) != Step.DEBIT:
            return None
        agreement = DebitAgreement.objects.get(pk=agreement_id)
        try:
            payment = payments.start(
                account_id=account_id,
                amount_cents=debit_rules.amount(row.facts),
                gateway=agreement.gateway,
                payer_id=agreement.user_id,
                bill_id=bill_id,
                as_of=as_of,
                actor=ACTOR,
            )
        except payments.PaymentInProgress:
            return None
        DebitTry.objects.create(
            notice_id=row.notice_id, number=row.facts.tries + 1, payment=payment, at=as_of
        )
        payments.gateway_silent(payment_id=payment.pk, as_of=as_of, actor=ACTOR, reason="sent to the bank")
    return payment, agreement


def _refused(payment: Payment, agreement: DebitAgreement, error: DebitRefused, *, as_of: datetime) -> None:
    with transaction.atomic():
        if error.code == AGREEMENT_ENDED:
            debit_agreements.ended_at_bank(agreement_id=agreement.pk, actor=ACTOR, as_of=as_of)
        reason = f"refused: {error.code}"[:200]
        payments.closed(payment_id=payment.pk, as_of=as_of, actor=ACTOR, reason=reason)


def _charge(payment: Payment) -> Charge:
    with translation.override(settings.LANGUAGE_CODE):
        subject = _("户号 %(number)s 缴费") % {"number": payment.account.number}
    return Charge(
        reference=payment.reference,
        amount_cents=payment.amount_cents,
        subject=subject,
        created_at=payment.created_at,
        expires_at=payment.expires_at,
        return_url="",
        notify_url="",
    )
