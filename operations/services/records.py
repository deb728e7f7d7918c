"""Writing a slip: opening it under its idempotency key, moving it step by step, with the history of all steps."""

import re
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount
from core import writes
from core.clock import local_date
from core.errors import HallError
from core.prepared import Prepared
from operations import texts
from operations.context import Context
from operations.models import SLIP_MACHINE, Slip, SlipHistory, SlipState
from operations.quotes import Done, Pending
from operations.registry import Operation

_KEY = re.compile(r"[\x21-\x7e]{8,80}")


class BadIdempotencyKey(HallError):
    code = "BAD_IDEMPOTENCY_KEY"
    message = _("请求编号须为 8 到 80 个可见的英文字符")


def check_key(key: str) -> None:
    """Returns when the key can serve; raises BadIdempotencyKey otherwise."""
    if not _KEY.fullmatch(key):
        raise BadIdempotencyKey()


def open_slip(
    *, operation: Operation, ctx: Context, key: str, input_hash: str, started_at: datetime
) -> tuple[Slip, bool]:
    """The slip of (actor, operation, key), and whether this call opened it.

    While another transaction holds the same key, this one waits for its end: the unique constraint decides.
    """
    slip = Slip(
        number=f"S{local_date(ctx.as_of):%Y%m%d}",
        operation=operation.code,
        operation_version=operation.version,
        channel=ctx.channel,
        actor_id=ctx.user.pk,
        on_behalf_of_id=ctx.on_behalf_of.pk if ctx.on_behalf_of else None,
        idempotency_key=key,
        input_hash=input_hash,
        started_at=started_at,
    )
    if writes.insert_unless_known(slip, numbered="slip_number"):
        return slip, True
    return _of_key(ctx.user.pk, operation.code, key), False


def _of_key(actor_id: int | None, operation: str, key: str) -> Slip:
    if actor_id is None:  # nobody is logged in: refused in a moment, and NULL is asked for in other words
        return Slip.objects.get(actor_id=None, operation=operation, idempotency_key=key)
    (found,) = _OF_KEY.rows(actor=actor_id, operation=operation, key=key)
    return found


_OF_KEY = Prepared(
    lambda actor, operation, key: Slip.objects.filter(
        actor_id=actor, operation=operation, idempotency_key=key
    ),
    actor=int,
    operation=str,
    key=str,
)


class Record:
    """A slip being worked on in the present transaction. `close` writes all its steps and their history at once.

    Until then nobody else sees the slip at all, and the transaction itself only what was sent with `send`.
    """

    def __init__(self, slip: Slip, ctx: Context) -> None:
        self.slip = slip
        self._ctx = ctx
        self._changes: dict[str, Any] = {}  # known since the last step, written with the next one
        self._written = writes.Batch()
        self._steps = [self._history("", slip.state, "", slip.started_at)]

    def about(self, data: dict[str, Any], account: BillingAccount | None) -> None:
        """What is asked, and whose customer and region it concerns."""
        self._changes["data"] = data
        if account is not None:
            self._changes |= {"customer_id": account.customer_id, "region_id": account.region_id}

    def move(self, to: SlipState, *, reason: str = "", at: datetime | None = None, **changes: Any) -> None:
        """One step of the machine that happened at `at` (default: now); raises IllegalTransition."""
        SLIP_MACHINE.check(self.slip.state, to)
        changes = self._changes | changes | {"state": to}
        self._steps.append(self._history(self.slip.state, to, reason, at or self._ctx.as_of))
        self._changes = {}
        for name, value in changes.items():
            setattr(self.slip, name, value)
        self._written.update(self.slip, list(changes))

    def end(self, outcome: Done | Pending) -> None:
        """The operation was carried out, or is under way."""
        result = {"text": texts.in_every_language(outcome.text), "url": outcome.url}
        if isinstance(outcome, Done):
            result |= {"data": outcome.data}
            self.move(SlipState.DONE, result=result, finished_at=self._ctx.as_of)
        else:
            self.move(
                SlipState.IN_PROGRESS,
                result=result,
                subject_kind=outcome.subject_kind,
                subject_id=outcome.subject_id,
            )

    def refuse(self, error: HallError, *, state: SlipState = SlipState.REFUSED) -> None:
        """REFUSED (or FAILED) with the error's code and sentence, kept so that a repeat gets the same answer."""
        sentences = texts.in_every_language(_Sentence(error))
        result: dict[str, Any] = {"text": sentences, "status": error.status}
        if fields := getattr(error, "fields", None):
            result["fields"] = fields
        self.move(
            state,
            reason=error.code,
            refusal_code=error.code,
            refusal_text=texts.in_source_language(sentences),
            result=result,
            finished_at=self._ctx.as_of,
        )

    def send(self) -> None:
        """The slip stands in the database as it is now: for what rests on it before it is closed."""
        self._written.send()

    def close(self) -> None:
        self._written.insert(*self._steps)
        self._written.send()

    def _history(self, from_state: str, to_state: str, reason: str, at: datetime) -> SlipHistory:
        return SlipHistory(
            slip=self.slip,
            from_state=from_state,
            to_state=to_state,
            actor=self._ctx.actor.ref,
            reason=reason,
            at=at,
        )


class _Sentence:
    """An error's text, rendered when it is asked for, in the language that is active then."""

    def __init__(self, error: HallError) -> None:
        self._error = error

    def __str__(self) -> str:
        return self._error.text
