"""自助延期: a promise to pay is made by the customer, and kept or broken by what he pays."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from arrears.choices import Stage
from arrears.models import Promise, PromiseState
from arrears.selectors import facts as facts_reads
from arrears.selectors import policies
from arrears.selectors.facts import Subject
from arrears.services import telling
from billing.documents import words
from core import sequences
from core.actor import Actor
from core.clock import local_date
from core.errors import Conflict
from operations.models import Slip

SUBJECT = "promise"


class NothingOwed(Conflict):
    code = "PROMISE_NOTHING_OWED"
    message = _("这个户号没有到期未缴的账单，不需要延期")


class NoPromises(Conflict):
    code = "PROMISE_NOT_OFFERED"
    message = _("这个户号不能自助延期，请缴费或致电客服")


class AlreadyPromised(Conflict):
    code = "PROMISE_OPEN"
    message = _("已经申请过延期，有效期至 %(until)s")


class TooOften(Conflict):
    code = "PROMISE_TOO_OFTEN"
    message = _("本月的延期次数已经用完")


class TooLate(Conflict):
    code = "PROMISE_TOO_LATE"
    message = _("已经停机，不能再延期；缴清后服务自动恢复")


def terms(account_id: int, *, as_of: datetime) -> tuple[Subject, date]:
    """What is owed, and until when a promise made now would hold. Raises what `make` raises; writes nothing."""
    today = local_date(as_of)
    subject = facts_reads.of([account_id], as_of=as_of).get(account_id)
    if subject is None or subject.facts.due_on is None or subject.facts.due_on >= today:
        raise NothingOwed()
    if subject.promise_id is not None and subject.promise_until and subject.promise_until >= today:
        raise AlreadyPromised(until=words.day(subject.promise_until))
    if subject.facts.stage in (Stage.SUSPENDED, Stage.DISCONNECT_WARNED, Stage.DISCONNECTED):
        raise TooLate()
    book = policies.book(today)
    policy = book.find(subject.region_id, subject.customer_kind)
    days, a_month = book.promises[policy.id] if policy else (0, 0)
    if not days:
        raise NoPromises()
    made = Promise.objects.filter(
        account_id=account_id, promised_on__year=today.year, promised_on__month=today.month
    )
    if made.count() >= a_month:
        raise TooOften()
    return subject, today + timedelta(days)


def make(*, account_id: int, slip: Slip, actor: Actor, as_of: datetime) -> Promise:
    """Until its day nothing gets worse; the customer is told. Call inside a transaction.

    Raises NothingOwed, AlreadyPromised, TooLate, NoPromises, TooOften; then nothing has changed.
    """
    account_locks.hold(account_id)
    subject, until = terms(account_id, as_of=as_of)
    settle([subject], as_of=as_of)  # one whose day is over is still open until the next pass
    promise = Promise.objects.create(
        number=sequences.next_number("arrears_promise_number", prefix="YQ", on=local_date(as_of)),
        account_id=account_id,
        slip=slip,
        promised_on=local_date(as_of),
        until=until,
        owed_cents=subject.facts.owed_cents,
    )
    more: dict[str, Any] = {"until": until, "number": promise.number}
    telling.tell_all("promise_made", [(subject, f"promise_made:{promise.number}", more)], as_of=as_of)
    return promise


def settle(subjects: Sequence[Subject], *, as_of: datetime) -> int:
    """Ends the open promises that were kept or broken. Who broke his is told: how many messages. Behind the locks."""
    today = local_date(as_of)
    kept = [each for each in subjects if each.promise_id is not None and _is_kept(each)]
    broken = [each for each in subjects if breaks(each, today)]
    for found, state in ((kept, PromiseState.KEPT), (broken, PromiseState.BROKEN)):
        if found:
            rows = Promise.objects.filter(pk__in=[each.promise_id for each in found], state=PromiseState.OPEN)
            rows.update(state=state, ended_at=as_of)
    return _tell_broken(broken, today, as_of) if broken else 0


def is_over(subject: Subject, today: date) -> bool:
    """Whether `settle` would end its promise."""
    return subject.promise_id is not None and (_is_kept(subject) or _is_broken(subject, today))


def breaks(subject: Subject, today: date) -> bool:
    """Whether its promise is broken by that day."""
    return subject.promise_id is not None and not _is_kept(subject) and _is_broken(subject, today)


def _is_kept(subject: Subject) -> bool:
    """Everything that was due when it was made is paid."""
    due_on = subject.facts.due_on
    return due_on is None or (subject.promised_on is not None and due_on >= subject.promised_on)


def _is_broken(subject: Subject, today: date) -> bool:
    return subject.promise_until is not None and subject.promise_until < today


def _tell_broken(subjects: Sequence[Subject], today: date, as_of: datetime) -> int:
    book = policies.book(today)
    wanted: defaultdict[str, list[Any]] = defaultdict(list)
    for each in subjects:
        policy = book.find(each.region_id, each.customer_kind)
        assert each.promise_until is not None
        more: dict[str, Any] = {"until": each.promise_until, "suspend_on": today}
        if policy:
            more |= telling.days_ahead(each.facts, policy, today)
        code = telling.wording("promise_broken", each.facts)
        wanted[code].append((each, f"promise_broken:{each.promise_id}", more))
    return sum(telling.tell_all(code, told, as_of=as_of) for code, told in wanted.items())
