"""The daily statement of a channel is taken in: read, kept line by line, compared with the books. It moves no money.

What the channel has for an order of ours and we have not is asked about at the channel (a statement is not signed); the
answer goes through the one door, `suspense.apply`, as a callback's does.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import islice
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from billing import locks
from billing.gateways import registry
from billing.gateways.base import GatewayError, ReportStatus
from billing.models import (
    DifferenceHistory,
    DifferenceState,
    LineKind,
    Statement,
    StatementDifference,
    Verdict,
)
from billing.models.statements import DIFFERENCE_MACHINE, UNSETTLED
from billing.services.money import suspense
from billing.services.statements import statement_matching
from billing.statements import archive, reader
from billing.statements.base import Line, StatementError, Summary
from core import audit
from core.actor import Actor
from core.errors import Conflict, HallError
from core.imports import staging

log = logging.getLogger(__name__)
_ROWS_AT_ONCE = 2_000
ASKED_AT_MOST = 200  # orders of one statement; the others wait for staff or for the next turn
ASKING_SECONDS = 60.0
NETWORK = "NETWORK"  # a GatewayError of this code: nothing was heard


class OtherFileOfThatDay(Conflict):
    """A newer file of a day speaks for it only when somebody says so."""

    code = "STATEMENT_OTHER_FILE"
    message = _(
        "%(day)s 的对账单已经导入过另一个文件（第 %(version)s 版）；确认要以新文件为准时用 --new-version"
    )


class OtherDay(StatementError):
    code = "STATEMENT_OTHER_DAY"
    message = _("账单日不符：文件是 %(found)s，要求的是 %(asked)s")


class DayUnknown(StatementError):
    code = "STATEMENT_DAY_UNKNOWN"
    message = _("文件没有写明账单日（%(why)s），请用 --date 指定")


class OtherHash(StatementError):
    code = "STATEMENT_OTHER_HASH"
    message = _("文件与渠道给出的 SHA1 不符，可能没有下载完整")


class UnknownChannel(StatementError):
    code = "STATEMENT_UNKNOWN_CHANNEL"
    message = _("没有名为 %(gateway)s 的对账渠道")


class CannotAsk(Conflict):
    code = "STATEMENT_CANNOT_ASK"
    message = _("现在无法向渠道查询这一笔（没有支付单号，或渠道没有答复）")


class Outcome(StrEnum):
    IMPORTED = "IMPORTED"
    DRY_RUN = "DRY_RUN"  # all found out, nothing kept
    ALREADY_DONE = "ALREADY_DONE"  # this very file is in


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file. `unsettled` counts its differences that wait now, HELD ones and OPEN ones."""

    outcome: Outcome
    statement: Statement
    unsettled: dict[str, int]
    asked: int = 0  # orders about which the channel was asked


def load(
    *,
    path: Path,
    gateway: str,
    as_of: datetime,
    actor: Actor,
    day: date | None = None,
    new_version: bool = False,
    dry_run: bool = False,
    ask: bool = True,
    sha1: str = "",
    max_bytes: int = archive.MAX_BYTES,
) -> Imported:
    """The statement in this file is stored and compared; the same file again changes nothing.

    `day` is needed when the file does not tell it; `sha1` is what the channel said of the unpacked bytes. All or
    nothing: raises StatementError, or OtherFileOfThatDay when that day has another file and not `new_version`.
    """
    if gateway not in reader.CHANNELS:
        raise UnknownChannel(gateway=gateway)
    with reader.opened(path, gateway=gateway, max_bytes=max_bytes) as opened:
        survey = opened.survey
        if sha1 and sha1.lower() != survey.sha1:
            raise OtherHash()
        with transaction.atomic():
            staging.one_at_a_time(f"statement:{gateway}")
            if earlier := Statement.objects.filter(gateway=gateway, sha256=survey.sha256).first():
                return Imported(Outcome.ALREADY_DONE, earlier, unsettled(earlier))
            (statement_id,) = staging.next_ids("billing_statement", 1)
            _store(statement_id, opened.reader)
            statement = _describe(
                statement_id,
                gateway,
                opened.reader.summary,
                day,
                actor=actor,
                as_of=as_of,
                new_version=new_version,
            )
            statement.sha256, statement.file_name = survey.sha256, path.name[:200]
            _compare(statement, as_of=as_of, actor=actor)
            found = Imported(Outcome.DRY_RUN, statement, unsettled(statement))
            transaction.set_rollback(dry_run)
    if dry_run:
        return found
    asked = ask_channel(statement_id=statement.pk, as_of=as_of, actor=actor) if ask else 0
    return Imported(Outcome.IMPORTED, statement, unsettled(statement), asked)


def unsettled(statement: Statement) -> dict[str, int]:
    """How many of its differences wait, by state."""
    states = StatementDifference.objects.filter(statement=statement, state__in=UNSETTLED).values_list(
        "state", flat=True
    )
    found = list(states.order_by())
    return {str(state): found.count(state) for state in UNSETTLED}


def ask_channel(*, statement_id: int, as_of: datetime, actor: Actor) -> int:
    """Asks the channel about orders of ours whose money it names and we lack; returns how many answers there were.

    What it confirms is booked as any report is. A channel that cannot be asked leaves the differences as they are.
    """
    waiting = StatementDifference.objects.filter(
        statement_id=statement_id, state=DifferenceState.OPEN, kind=LineKind.PAYMENT, payment__isnull=False
    ).exclude(verdict=Verdict.LOCAL_ONLY)
    orders = {row.payment_id: row for row in waiting.order_by("id")[:ASKED_AT_MOST]}
    ends_at, answers = time.monotonic() + ASKING_SECONDS, 0
    for row in orders.values():
        if time.monotonic() > ends_at:
            break
        try:
            answers += _ask(row, as_of=as_of, actor=actor)
        except ImproperlyConfigured:
            break
        except GatewayError as error:
            log.warning("channel not asked", extra={"reference": row.reference, "code": error.code})
            if error.code == NETWORK:
                break
    if answers:
        _clear_booked(row.gateway, as_of=as_of, actor=actor)
    return answers


def ask_about(*, difference_id: int, as_of: datetime, actor: Actor) -> DifferenceState:
    """Asks the channel about the order of one difference; returns the difference's state afterwards.

    An order that is not ours and that the channel confirms is booked in the suspense account. Raises CannotAsk when
    there is no order number to ask with, or the channel does not answer.
    """
    row = StatementDifference.objects.get(pk=difference_id)
    if not can_ask(row):
        raise CannotAsk()
    try:
        _ask(row, as_of=as_of, actor=actor)
    except (GatewayError, ImproperlyConfigured) as error:
        raise CannotAsk() from error
    _clear_booked(row.gateway, as_of=as_of, actor=actor)
    row.refresh_from_db(fields=["state"])
    return DifferenceState(row.state)


def can_ask(row: StatementDifference) -> bool:
    """Whether the channel could tell more: about a payment, by its order number."""
    return (
        row.is_unsettled and row.kind == LineKind.PAYMENT and row.line_id is not None and bool(row.reference)
    )


def close(*, difference_id: int, reason: str, actor: Actor, as_of: datetime) -> None:
    """A person has dealt with an OPEN difference outside of these pages: it is CLOSED, with the reason kept."""
    with transaction.atomic():
        row = locks.statement_difference(difference_id)
        DIFFERENCE_MACHINE.check(row.state, DifferenceState.CLOSED)
        DifferenceHistory.objects.create(
            difference=row,
            from_state=row.state,
            to_state=DifferenceState.CLOSED,
            actor=actor.ref,
            reason=reason[:300],
            at=as_of,
        )
        row.state, row.ended_at = DifferenceState.CLOSED, as_of
        row.save(update_fields=["state", "ended_at"])


def _ask(row: StatementDifference, *, as_of: datetime, actor: Actor) -> bool:
    """True: the channel knew the order, and the books agree with what it said."""
    report = registry.get(row.gateway).query(row.reference)
    if report.status == ReportStatus.NOT_FOUND:
        return False
    try:
        suspense.apply(payment_id=row.payment_id, report=report, as_of=as_of, actor=actor)
    except HallError as error:
        log.warning("report refused by the books", extra={"reference": row.reference, "code": error.code})
        return False
    return True


def _clear_booked(gateway: str, *, as_of: datetime, actor: Actor) -> None:
    with transaction.atomic():
        staging.one_at_a_time(f"statement:{gateway}")
        statement_matching.clear_booked(gateway, as_of=as_of, actor=actor)


def _compare(statement: Statement, *, as_of: datetime, actor: Actor) -> None:
    """The statement's row and differences are written, and carried ones that it explains are ended."""
    statement_matching.supersede(statement, as_of=as_of, actor=actor)
    statement_matching.carry(statement, as_of=as_of, actor=actor)
    statement.counts = statement_matching.match(statement)
    statement.save(force_insert=True)
    statement_matching.write(statement, as_of=as_of, actor=actor)
    audit.record(
        actor=actor,
        action="billing.statement_imported",
        subject=statement,
        as_of=as_of,
        detail={"gateway": statement.gateway, "day": statement.day.isoformat(), "sha256": statement.sha256},
    )


def _describe(
    statement_id: int,
    gateway: str,
    summary: Summary,
    asked: date | None,
    *,
    actor: Actor,
    as_of: datetime,
    new_version: bool,
) -> Statement:
    """The statement's row, not saved yet."""
    day, totals = _day(summary, asked), summary.totals
    earlier = Statement.objects.filter(
        gateway=gateway, merchant=summary.merchant, day=day, coverage=summary.coverage
    ).order_by("-version")
    version = earlier.values_list("version", flat=True).first() or 0
    if version and not new_version:
        raise OtherFileOfThatDay(day=day, version=version)
    return Statement(
        pk=statement_id,
        gateway=gateway,
        merchant=summary.merchant,
        day=day,
        coverage=str(summary.coverage),
        version=version + 1,
        payments=totals.payments,
        payment_cents=totals.payment_cents,
        refunds=totals.refunds,
        refund_cents=totals.refund_cents,
        fee_cents=totals.fee_cents,
        imported_by=actor.ref,
        imported_at=as_of,
    )


def _day(summary: Summary, asked: date | None) -> date:
    """The day of the statement: what it states, what was asked, or where all its lines lie."""
    stated = summary.day or (summary.days[0] if len(summary.days) == 1 else None)
    if summary.day and asked and summary.day != asked:
        raise OtherDay(found=summary.day, asked=asked)
    day = summary.day or asked or stated
    if day is None:
        why = _("没有明细") if not summary.days else f"{summary.days[0]} – {summary.days[-1]}"
        raise DayUnknown(why=why)
    for found in summary.days:
        if abs(found - day) > timedelta(days=1):  # the channel's cut may lie a little beside midnight
            raise OtherDay(found=found, asked=day)
    return day


_COLUMNS = (
    "statement_id, row_number, kind, trade_no, reference, request_no, amount_cents, fee_cents, finished_at, status,"
    " app_id, product"
)
_COPY = f"""
    COPY billing_statementline ({_COLUMNS}) FROM STDIN
    WITH (FORMAT csv, DELIMITER E'\\x1f', QUOTE E'\\x1e',
          FORCE_NOT_NULL (kind, trade_no, reference, request_no, status, app_id, product))"""


def _store(statement_id: int, lines: reader.Reader) -> None:
    """The lines are in their table; PostgreSQL takes them in while they are read."""
    stream = _CopyStream(statement_id, iter(lines))
    with connection.cursor() as cursor:
        try:
            cursor.copy_expert(_COPY, stream)
        finally:
            if stream.error:  # the driver would tell of a cancelled query instead
                raise stream.error


class _CopyStream:
    """What COPY reads: rows made while it asks for more. The marks between cells are in no line: nothing is quoted."""

    def __init__(self, statement_id: int, lines: Iterator[Line]) -> None:
        self._id = statement_id
        self._lines = lines
        self.error: Exception | None = None

    def read(self, size: int = -1) -> str:
        """More of the rows, "" at the end. May return more than `size`, which the driver sends all the same."""
        of, sep = self._id, archive.SEPARATOR
        try:
            rows = [
                f"{of}{sep}{row}{sep}{kind}{sep}{trade}{sep}{reference}{sep}{request}{sep}{cents}{sep}{fee}{sep}{at}{sep}"
                f"{status}{sep}{app}{sep}{product}\n"
                for row, kind, trade, reference, request, cents, fee, at, status, app, product in islice(
                    self._lines, _ROWS_AT_ONCE
                )
            ]
        except Exception as error:
            self.error = error
            raise
        return "".join(rows)
