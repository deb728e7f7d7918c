"""Commands to far systems: written with the order that needs them, carried out by workers, ended by an event.

A key is one command for ever. Commands of a subject are done in the order in which they were asked for: a later one
is BEHIND until the one before it is DONE, by the far system or by a person; or until the failed one before it is
not wanted any more, because what undoes it is asked for.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core import idempotency, outbox, writes
from core.actor import Actor
from core.errors import Conflict, NotFound
from core.prepared import Prepared
from resources import locks
from resources.adapters import registry
from resources.adapters.base import Adapter, AdapterError, Order, Outcome, Status
from resources.events import CommandDone, CommandFailed
from resources.models import COMMAND_MACHINE, Action, Command, CommandHistory, CommandState
from resources.queue import COMMANDS

log = logging.getLogger(__name__)
BATCH = 10  # the time-outs of a batch (130 s) stay within the lease
ACTOR = Actor.job("resources.carry_out_commands")
_OPEN = (CommandState.WAITING, CommandState.FAILED, CommandState.BEHIND)
_KNOWN = Prepared(
    lambda key, kind, subject: Command.objects.filter(
        Q(key=key) | Q(subject_kind=kind, subject_id=subject, state__in=_OPEN)
    ),
    key=str,
    kind=str,
    subject=str,
)


# Whoever asks for the one wants the other no more.
_OPPOSITE = {
    Action.AUTHORISE: Action.DEAUTHORISE,
    Action.DEAUTHORISE: Action.AUTHORISE,
    Action.LINE_ON: Action.LINE_OFF,
    Action.LINE_OFF: Action.LINE_ON,
}


class NotFailed(Conflict):
    code = "COMMAND_NOT_FAILED"
    message = _("只有需人工处理的指令可以这样处理")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for. `payload` holds plain JSON values and nothing personal."""

    subject_kind: str
    subject_id: str
    action: str
    payload: Mapping[str, Any]
    key: str
    region_id: int | None = None

    @property
    def digest(self) -> str:
        return idempotency.digest([self.subject_kind, self.subject_id, self.action, self.payload])

    def command(self, *, is_behind: bool, as_of: datetime) -> Command:
        """The row, not written yet."""
        return Command(
            key=self.key,
            digest=self.digest,
            action=self.action,
            subject_kind=self.subject_kind,
            subject_id=self.subject_id,
            payload=dict(self.payload),
            region_id=self.region_id,
            state=CommandState.BEHIND if is_behind else CommandState.WAITING,
            created_at=as_of,
            next_attempt_at=as_of,
        )


def request(asked: Asked, *, as_of: datetime, actor: Actor = ACTOR) -> Command:
    """Asks for it in the present transaction; workers are woken after commit. The same key again: the same command.

    A failed command that this one undoes waits for a person no longer: nobody wants it any more.
    Raises IdempotencyConflict when the key was used for something else: whoever is in a transaction and goes on with
    it has a savepoint around this.
    """
    names = {"key": asked.key, "kind": asked.subject_kind, "subject": asked.subject_id}
    with transaction.atomic(savepoint=False):
        locks.subject(asked.subject_kind, asked.subject_id)
        before = _KNOWN.rows(**names)
        known = next((row for row in before if row.key == asked.key), None)
        if known is not None:
            idempotency.check_same(known.digest, asked.digest)
            return known
        if any(row.state == CommandState.FAILED for row in before):
            _give_way(asked, actor=actor, as_of=as_of)
            before = _KNOWN.rows(**names)
        command = asked.command(is_behind=bool(before), as_of=as_of)
        first = _history(command, "", actor=actor, as_of=as_of)
        writes.insert(command, first, link="command")
        COMMANDS.poke()
    return command


def request_each(asked: Sequence[Asked], *, as_of: datetime, actor: Actor = ACTOR) -> None:
    """`request` for each, a few statements for all whose subjects wait for nothing yet. Of one kind, each key once."""
    if not asked:
        return
    with transaction.atomic(savepoint=False):
        kind, ids = asked[0].subject_kind, {each.subject_id for each in asked}
        locks.subjects(kind, ids)
        known = Command.objects.filter(
            Q(key__in=[each.key for each in asked])
            | Q(subject_kind=kind, subject_id__in=ids, state__in=_OPEN)
        )
        busy = {each for row in known.values_list("key", "subject_id") for each in row}
        for each in asked:
            if busy & {each.key, each.subject_id}:
                request(each, as_of=as_of, actor=actor)
        _write([each for each in asked if not busy & {each.key, each.subject_id}], actor, as_of)
        COMMANDS.poke()


def _write(asked: Sequence[Asked], actor: Actor, as_of: datetime) -> None:
    """Commands of subjects that have none before them; of one subject each is behind the one before."""
    seen: set[str] = set()
    made = []
    for each in asked:
        made.append(each.command(is_behind=each.subject_id in seen, as_of=as_of))
        seen.add(each.subject_id)
    Command.objects.bulk_create(made)
    entries = [_history(row, "", actor=actor, as_of=as_of) for row in made]
    for entry, row in zip(entries, made, strict=True):
        entry.command = row
    CommandHistory.objects.bulk_create(entries)


def work(*, clock: Callable[[], datetime], limit: int = BATCH, adapter: Adapter | None = None) -> int:
    """Claims up to `limit` due commands and tries each once, with no transaction open; how many were taken."""
    far = adapter or registry.adapter()
    rows = COMMANDS.claim(limit=limit, as_of=clock())
    for row in rows:
        _try(row, far, clock=clock)
    return len(rows)


def note_lost(*, as_of: datetime) -> int:
    """Tells of commands that the queue gave up because each try lost its worker; how many."""
    rows = Command.objects.filter(state=CommandState.FAILED, ended_at=None)
    lost = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
    for command_id in lost:
        with transaction.atomic():
            command = _locked(command_id)
            if command.state == CommandState.FAILED and command.ended_at is None:
                _tell_failed(command, as_of=as_of)
    return len(lost)


def run_again(*, command_id: int, actor: Actor, as_of: datetime, reason: str) -> None:
    """A failed command waits for a worker again, attempts from zero. Raises NotFound, NotFailed."""
    with transaction.atomic():
        command = _failed(command_id)
        command.attempts, command.error = 0, ""
        command.next_attempt_at, command.accepted_at, command.ended_at = as_of, None, None
        _to(command, CommandState.WAITING, actor=actor, as_of=as_of, reason=reason)
        COMMANDS.poke()


def done_by_hand(*, command_id: int, actor: Actor, as_of: datetime, reason: str) -> None:
    """Somebody did at the far end what a failed command asked for: those who wait go on. Raises NotFound, NotFailed."""
    with transaction.atomic():
        command = _failed(command_id)
        _end(command, actor=actor, as_of=as_of, reason=reason, by_hand=True)


def _try(row: Command, far: Adapter, *, clock: Callable[[], datetime]) -> None:
    try:
        outcome = far.execute(Order(row.key, row.action, row.subject_kind, row.subject_id, row.payload))
    except AdapterError as error:
        _not_done(row, error, as_of=clock())
    except Exception as error:  # a bug of an adapter is one command's failure, not the queue's
        log.exception("adapter failed", extra={"adapter": far.code, "command": row.pk})
        _not_done(row, AdapterError(type(error).__name__, permanent=False), as_of=clock())
    else:
        _answered(row, outcome, as_of=clock())


def _answered(row: Command, outcome: Outcome, *, as_of: datetime) -> None:
    """Whoever comes late, after his lease or behind a person, finds it done and changes nothing."""
    with transaction.atomic():
        command = _locked(row.pk)
        if command.state != CommandState.WAITING:
            return
        if outcome.status == Status.DONE:
            command.far_reference = outcome.reference
            _end(command, actor=ACTOR, as_of=as_of)
        elif command.attempts == row.attempts:
            _accepted(command, as_of=as_of)


def _accepted(command: Command, *, as_of: datetime) -> None:
    """The far system works on it: asked again, less and less often, until PROVISIONING_PATIENCE_HOURS are over."""
    command.accepted_at = command.accepted_at or as_of
    age = as_of - command.accepted_at
    if age >= timedelta(hours=settings.PROVISIONING_PATIENCE_HOURS):
        command.error = "still not done at the far end"
        _to(command, CommandState.FAILED, actor=ACTOR, as_of=as_of, reason=command.error)
        _tell_failed(command, as_of=as_of, is_noted=True)
        return
    command.attempts, command.error = 0, ""
    command.next_attempt_at = as_of + min(max(age / 4, timedelta(seconds=5)), COMMANDS.longest_backoff)
    command.save(update_fields=["attempts", "error", "next_attempt_at", "accepted_at"])


def _not_done(row: Command, error: AdapterError, *, as_of: datetime) -> None:
    """Back into the queue; or, when that was the last try, to a person."""
    with transaction.atomic():
        locks.subject(row.subject_kind, row.subject_id)
        COMMANDS.failed(row, error=error.reason, as_of=as_of, permanent=error.permanent)
        command = locks.command(row.pk)
        if command.state == CommandState.FAILED and command.ended_at is None:
            _tell_failed(command, as_of=as_of)


def _tell_failed(command: Command, *, as_of: datetime, is_noted: bool = False) -> None:
    """History, news and the time of a command that has become FAILED."""
    command.ended_at = as_of
    command.save(update_fields=["ended_at"])
    if not is_noted:
        _record(command, CommandState.WAITING, actor=ACTOR, as_of=as_of, reason=command.error)
    news = CommandFailed(
        command_key=command.key,
        action=command.action,
        subject_kind=command.subject_kind,
        subject_id=command.subject_id,
        error=command.error,
    )
    outbox.publish(news, as_of=as_of)


def _end(command: Command, *, actor: Actor, as_of: datetime, reason: str = "", by_hand: bool = False) -> None:
    """DONE, those who wait are told, and the subject's next command may go."""
    command.ended_at, command.error = as_of, ""
    _to(command, CommandState.DONE, actor=actor, as_of=as_of, reason=reason)
    news = CommandDone(
        command_key=command.key,
        action=command.action,
        subject_kind=command.subject_kind,
        subject_id=command.subject_id,
        far_reference=command.far_reference,
        by_hand=by_hand,
    )
    outbox.publish(news, as_of=as_of)
    _let_next_go(command.subject_kind, command.subject_id, actor=actor, as_of=as_of)


def _give_way(asked: Asked, *, actor: Actor, as_of: datetime) -> None:
    """Ends the subject's failed command of the opposite kind, where there is one. Nobody waits for it: no news.

    A line that was to be changed stays with a person: what comes after would change it and then cut it off.
    """
    subject_kind, subject_id = asked.subject_kind, asked.subject_id
    failed = locks.failed_of_subject(subject_kind, subject_id)
    if failed is None or failed.action != _OPPOSITE.get(Action(asked.action)):
        return
    behind = Command.objects.filter(
        subject_kind=subject_kind, subject_id=subject_id, state=CommandState.BEHIND
    )
    if behind.filter(action=Action.LINE_CHANGE).exists():
        return
    failed.ended_at = as_of
    _to(failed, CommandState.DONE, actor=actor, as_of=as_of, reason=f"not wanted any more: {asked.key}")
    _let_next_go(subject_kind, subject_id, actor=actor, as_of=as_of)


def _let_next_go(subject_kind: str, subject_id: str, *, actor: Actor, as_of: datetime) -> None:
    following = locks.next_of_subject(subject_kind, subject_id)
    if following is not None:
        following.next_attempt_at = as_of
        _to(following, CommandState.WAITING, actor=actor, as_of=as_of)
        COMMANDS.poke()


def _failed(command_id: int) -> Command:
    command = _locked(command_id)
    if command.state != CommandState.FAILED:
        raise NotFailed()
    return command


def _locked(command_id: int) -> Command:
    """The command behind its subject's lock, which is always taken first. Raises NotFound."""
    names = Command.objects.filter(pk=command_id).values_list("subject_kind", "subject_id").first()
    if names is None:
        raise NotFound()
    locks.subject(*names)
    return locks.command(command_id)


_CHANGED = [
    "state",
    "attempts",
    "error",
    "far_reference",
    "next_attempt_at",
    "accepted_at",
    "ended_at",
]


def _to(command: Command, state: CommandState, *, actor: Actor, as_of: datetime, reason: str = "") -> None:
    before = command.state
    COMMAND_MACHINE.check(before, state)
    command.state = state
    command.save(update_fields=_CHANGED)
    _record(command, before, actor=actor, as_of=as_of, reason=reason)


def _record(command: Command, before: str, *, actor: Actor, as_of: datetime, reason: str = "") -> None:
    entry = _history(command, before, actor=actor, as_of=as_of, reason=reason)
    entry.command = command
    entry.save(force_insert=True)


def _history(
    command: Command, before: str, *, actor: Actor, as_of: datetime, reason: str = ""
) -> CommandHistory:
    return CommandHistory(
        from_state=before,
        to_state=command.state,
        actor=actor.ref,
        reason=reason,
        at=as_of,
    )
