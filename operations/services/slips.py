"""The only way into a business operation: `quote` to look, `submit` to have it done, `finish` to end what took time.

Each attempt leaves a slip, refusals included. Everything that an operation changed is undone when it is refused.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from accounts import posts
from core import idempotency
from core.actor import Actor
from core.errors import Conflict, Forbidden, HallError
from operations import inputs, registry, texts
from operations.context import Confirmation, Context
from operations.models import Channel, Slip, SlipState
from operations.quotes import Quote
from operations.registry import Operation
from operations.services import evidence, records
from operations.serving import acting

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quote to show. `quote` is in the reader's language; `digest` is what he confirms and is the same in all."""

    operation: Operation
    form: forms.Form  # valid
    cleaned: dict[str, Any]
    quote: Quote
    digest: str
    canonical: dict[str, Any]  # the quote in the source language, as kept on the slip
    confirmation_needed: Confirmation
    other_code_needed: bool = False  # staff act, and a second phone has a say


class QuoteChanged(Conflict):
    """`quoted` is the quote as it stands now."""

    code = "QUOTE_CHANGED"
    message = _("价格或办理内容刚刚有变化，请看过新的内容后再确认")

    def __init__(self, *, quoted: Quoted) -> None:
        super().__init__()
        self.quoted = quoted


class NotInBatch(Forbidden):
    code = "NOT_IN_BATCH"
    message = _("这项业务须由客户本人确认，不能批量办理")


class Unexpected(HallError):
    """Something broke on our side. Says nothing of what; the log does, under the slip's number."""

    code = "ERROR"
    message = _("系统出了点问题，这次没有办成，也没有扣费。请稍后再试")
    status = 500


class Refused(HallError):
    """The refusal that a repeated request already got, from its slip."""

    def __init__(self, slip: Slip) -> None:
        super().__init__()
        self.code = slip.refusal_code
        self.message = texts.in_reader_language(slip.result["text"])
        self.status = slip.result["status"]
        self.fields: inputs.FieldErrors = slip.result.get("fields", {})
        self.slip_number = slip.number


@dataclass(frozen=True, slots=True)
class _Attempt:
    operation: Operation
    ctx: Context
    raw: Mapping[str, Any]
    quote_digest: str
    confirmation: Mapping[str, str]
    key: str
    started_at: datetime
    quoted_at: datetime

    @property
    def input_hash(self) -> str:
        return inputs.input_hash(self.raw, quote_digest=self.quote_digest, confirmation=self.confirmation)

    def open(self) -> tuple[Slip, bool]:
        return records.open_slip(
            operation=self.operation,
            ctx=self.ctx,
            key=self.key,
            input_hash=self.input_hash,
            started_at=self.started_at,
        )


def quote(*, operation: str, ctx: Context, raw: Mapping[str, Any]) -> Quoted:
    """What it would cost and do, changing nothing. Raises NotFound, Forbidden, InvalidInput or the operation's own."""
    known = registry.get(operation)
    permit(known, ctx)
    return _quote(known, ctx, inputs.validate(known, ctx, raw))


def send_code(*, operation: str, ctx: Context, raw: Mapping[str, Any]) -> str:
    """Sends the code that confirms exactly these data; returns the masked address ("" when it may not be told)."""
    known = registry.get(operation)
    permit(known, ctx)
    form = inputs.validate(known, ctx, raw)
    return evidence.send_code(known, ctx, form.cleaned_data)


def submit(
    *,
    operation: str,
    ctx: Context,
    raw: Mapping[str, Any],
    quote_digest: str,
    confirmation: Mapping[str, str],
    idempotency_key: str,
    started_at: datetime | None = None,
    quoted_at: datetime | None = None,
) -> Slip:
    """Carries the operation out once, and returns its slip (DONE or IN_PROGRESS).

    The same key with the same input returns the first slip, or raises the first refusal again; with another input
    IdempotencyConflict. A refusal raises HallError with `slip_number`, after the REFUSED slip is committed and all
    else is undone. `started_at` and `quoted_at` say when the customer began and saw the quote (default: `as_of`).
    Opens its own transaction: call it outside of any.
    """
    known = registry.get(operation)
    records.check_key(idempotency_key)
    quoted = min(quoted_at or ctx.as_of, ctx.as_of)
    started = min(started_at or quoted, quoted)
    attempt = _Attempt(known, ctx, raw, quote_digest, confirmation, idempotency_key, started, quoted)
    refusal: HallError | None = None
    try:
        with transaction.atomic(durable=True):
            slip, is_new = attempt.open()
            if is_new:
                refusal = _work_off(attempt, slip)
    except Exception as error:
        raise _failed(attempt) from error
    if not is_new:
        return _again(slip, attempt.input_hash)
    if refusal is not None:
        refusal.slip_number = slip.number
        raise refusal
    return slip


_FINISH = """
    WITH ended AS (
        UPDATE operations_slip SET state = %(state)s, finished_at = %(at)s, result = result || %(result)s::jsonb
         WHERE subject_kind = %(kind)s AND subject_id = %(id)s AND state = 'IN_PROGRESS' RETURNING id)
    INSERT INTO operations_sliphistory (slip_id, from_state, to_state, actor, reason, at)
    SELECT id, 'IN_PROGRESS', %(state)s, %(actor)s, %(reason)s, %(at)s FROM ended"""


def finish(
    *,
    subject_kind: str,
    subject_id: str,
    state: SlipState,
    as_of: datetime,
    actor: Actor,
    reason: str = "",
    result: dict[str, Any] | None = None,
) -> bool:
    """Ends the slips under way for this subject as DONE, FAILED or CANCELLED; False when none was still open.

    `result` adds to what the customer is told: "text" (lazy or plain), "url", "data". One statement.
    """
    if state not in (SlipState.DONE, SlipState.FAILED, SlipState.CANCELLED):
        raise ValueError(f"a slip does not end as {state}")
    added = dict(result or {})
    if "text" in added:
        added["text"] = texts.in_every_language(added["text"])
    values: dict[str, str | datetime] = {
        "kind": subject_kind,
        "id": subject_id,
        "state": state.value,
        "at": as_of,
    }
    values |= {"actor": actor.ref, "reason": reason[:200], "result": json.dumps(added)}
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, values)
        return bool(cursor.rowcount)


def permit(operation: Operation, ctx: Context) -> None:
    """Returns when this caller may use the operation at all; raises Forbidden, or why staff may not act for him."""
    user = ctx.user
    if not (user.is_authenticated and user.is_active):
        raise Forbidden()
    if ctx.channel == Channel.BATCH and operation.is_evidence:
        raise NotInBatch()
    if ctx.channel == Channel.COUNTER:
        posts.check_clerk(user, ctx.as_of)
    if ctx.on_behalf_of is not None:
        acting.permit(operation, ctx)
    if not operation.available(ctx):
        raise Forbidden()


def _quote(operation: Operation, ctx: Context, form: forms.Form) -> Quoted:
    """The quote as it stands now. Its digest is taken in the source language, whatever the reader's is."""
    data = form.cleaned_data
    with translation.override(settings.LANGUAGE_CODE):
        source = operation.quote(ctx, data).rendered()
    shown = source
    if translation.get_language() != settings.LANGUAGE_CODE:
        shown = operation.quote(ctx, data).rendered()
    return Quoted(
        operation,
        form,
        data,
        shown,
        source.digest,
        source.as_json(),
        evidence.needed(operation, ctx),
        acting.asks_customer(operation, ctx) and acting.asks_other(operation, ctx, data),
    )


def _work_off(attempt: _Attempt, slip: Slip) -> HallError | None:
    """Takes the new slip to its end, or to IN_PROGRESS; returns the refusal that ended it, if one did."""
    record = records.Record(slip, attempt.ctx)
    refusal: HallError | None = None
    try:
        _carry_out(attempt, record)
    except HallError as error:
        refusal = error
        record.refuse(error)
    record.close()
    return refusal


def _carry_out(attempt: _Attempt, record: records.Record) -> None:
    operation, ctx = attempt.operation, attempt.ctx
    permit(operation, ctx)
    form = inputs.validate(operation, ctx, attempt.raw)
    data = form.cleaned_data
    record.about(inputs.kept(operation, data), operation.account(ctx, data))
    operation.lock(ctx, data)
    quoted = _quote(operation, ctx, form)  # reads only: nothing is to be undone
    _move_to_quoted(attempt, record, quoted)
    if quoted.digest != attempt.quote_digest:
        raise QuoteChanged(quoted=quoted)
    # No savepoint around this step: the count of a wrong code must outlive the refusal.
    confirmed = evidence.take(operation, ctx, data, attempt.confirmation)
    record.move(SlipState.CONFIRMED, confirmation=confirmed, confirmed_at=ctx.as_of)
    if operation.is_evidence:
        record.send()
    with transaction.atomic():
        outcome = operation.perform(replace(ctx, slip_number=record.slip.number), data, quoted.quote)
        if acting.asks_customer(operation, ctx):
            acting.tell(operation, ctx, data, record.slip)
    record.end(outcome)


def _move_to_quoted(attempt: _Attempt, record: records.Record, quoted: Quoted) -> None:
    kept = quoted.canonical
    if translation.get_language() != settings.LANGUAGE_CODE:
        kept = kept | {"shown": quoted.quote.as_json()}  # what this customer read
    record.move(
        SlipState.QUOTED,
        at=attempt.quoted_at,
        quote=kept,
        quote_digest=quoted.digest,
        price_cents=quoted.quote.price_cents,
        quoted_at=attempt.quoted_at,
    )


def _again(slip: Slip, input_hash: str) -> Slip:
    """The answer to a repeated request."""
    try:
        idempotency.check_same(slip.input_hash, input_hash)
    except idempotency.IdempotencyConflict as conflict:
        conflict.slip_number = slip.number
        raise
    if slip.refusal_code:
        raise Refused(slip)
    return slip


def _failed(attempt: _Attempt) -> HallError:
    """A bug or the database: all was undone. A FAILED slip says that somebody tried, the log says what broke."""
    failure = Unexpected()
    try:
        with transaction.atomic(durable=True):
            slip, is_new = attempt.open()
            if is_new:
                record = records.Record(slip, attempt.ctx)
                record.refuse(failure, state=SlipState.FAILED)
                record.close()
        failure.slip_number = slip.number
    except DatabaseError:
        log.exception("no slip could be written for a failed operation")
    log.exception(
        "operation failed", extra={"operation": attempt.operation.code, "slip": failure.slip_number}
    )
    return failure
