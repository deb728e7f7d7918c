"""What was decided about accounts becomes rows: cases, their changes, lines off and on, notices. Set-wise.

Used by `assessing` for one account and by `bulk_assessing` for thousands. The caller holds the accounts' locks and
has read the facts behind them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from arrears.choices import CloseReason, Stage
from arrears.proofs import IS_MOBILE
from arrears.rule_facts import Decision, PolicyFacts
from arrears.selectors.facts import Subject
from arrears.services import telling
from catalog.choices import SuspensionReason
from catalog.holdings.services import bulk_suspensions
from core import arrays
from core.actor import Actor
from core.clock import local_date

OFF_STAGES = frozenset({Stage.SUSPENDED, Stage.DISCONNECT_WARNED})


@dataclass(frozen=True, slots=True)
class Judged:
    """An account, the policy that holds for it, and what was decided."""

    subject: Subject
    policy: PolicyFacts
    decision: Decision

    @property
    def moves(self) -> bool:
        """Whether its stage becomes another one."""
        return self.decision.close is not None or self.decision.stage != self.subject.facts.stage

    @property
    def is_change(self) -> bool:
        return self.moves or bool(self.decision.notices)


@dataclass
class Counts:
    """What was written: cases opened, moved on, closed; messages queued; lines off and on."""

    opened: int = 0
    moved: int = 0
    closed: int = 0
    told: int = 0
    suspended: int = 0
    restored: int = 0

    def add(self, other: "Counts") -> None:
        for name in vars(other):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def write(judged: Sequence[Judged], *, actor: Actor, as_of: datetime) -> Counts:
    """Closes, opens and moves cases, switches lines off and on, and queues the notices. Nothing for no change."""
    today = local_date(as_of)
    counts = Counts()
    case_ids = {each.subject.account_id: each.subject.case_id for each in judged}
    closing = [each for each in judged if each.decision.close]
    if closing:
        counts.closed = _close(closing, today, actor=actor, as_of=as_of)
        case_ids |= {each.subject.account_id: None for each in closing}
    stepping = [each for each in judged if each.moves and each.decision.stage != Stage.NONE]
    fresh = [each for each in stepping if case_ids[each.subject.account_id] is None]
    if fresh:
        opened = _open(fresh, today, actor=actor, as_of=as_of)
        counts.opened = len(opened)
        case_ids |= opened
    onward = [each for each in stepping if not each.decision.close and each.subject.case_id is not None]
    if onward:
        counts.moved = _move(onward, today, actor=actor, as_of=as_of)
    _switch(judged, counts, actor=actor, as_of=as_of)
    counts.told += telling.tell_notices(
        [(each, case_ids[each.subject.account_id]) for each in judged if each.decision.notices], as_of=as_of
    )
    return counts


_CLOSE = """
    WITH given AS (SELECT * FROM unnest(%(cases)s::bigint[], %(reasons)s::text[], %(owed)s::bigint[],
                                        %(dues)s::date[], %(policies)s::bigint[])
                     AS given (id, reason, owed, due_on, policy_id)),
         before AS (SELECT c.id, c.stage FROM arrears_arrearscase c JOIN given USING (id) WHERE c.closed_at IS NULL),
         done AS (UPDATE arrears_arrearscase c
                     SET stage = CASE WHEN c.stage = 'DISCONNECTED' THEN c.stage ELSE 'NONE' END,
                         stage_since = %(today)s, closed_at = %(at)s, close_reason = given.reason,
                         owed_cents = given.owed
                    FROM given JOIN before USING (id) WHERE c.id = given.id RETURNING c.id, c.stage)
    INSERT INTO arrears_stagechange (case_id, from_stage, to_stage, "on", at, actor, reason, owed_cents,
                                     earliest_due_on, policy_id)
    SELECT id, before.stage, done.stage, %(today)s, %(at)s, %(actor)s, given.reason, given.owed, given.due_on,
           given.policy_id
      FROM done JOIN before USING (id) JOIN given USING (id) ORDER BY id"""
_OPEN = """
    WITH given AS (SELECT * FROM unnest(%(accounts)s::bigint[], %(owed)s::bigint[], %(dues)s::date[],
                                        %(policies)s::bigint[]) AS given (account_id, owed, due_on, policy_id)),
         done AS (INSERT INTO arrears_arrearscase (number, account_id, stage, stage_since, policy_id, opened_at,
                                                   close_reason, highest_stage, owed_cents)
                  SELECT 'AR' || to_char(%(today)s::date, 'YYYYMMDD')
                              || lpad(nextval('arrears_case_number')::text, 10, '0'),
                         account_id, 'REMINDED', %(today)s, policy_id, %(at)s, '', 'REMINDED', owed
                    FROM given ORDER BY account_id
                  ON CONFLICT (account_id) WHERE closed_at IS NULL DO NOTHING RETURNING id, account_id),
         kept AS (INSERT INTO arrears_stagechange (case_id, from_stage, to_stage, "on", at, actor, reason, owed_cents,
                                                   earliest_due_on, policy_id)
                  SELECT done.id, 'NONE', 'REMINDED', %(today)s, %(at)s, %(actor)s, 'REACHED_REMINDED', given.owed,
                         given.due_on, given.policy_id
                    FROM done JOIN given USING (account_id) ORDER BY done.id)
    SELECT account_id, id FROM done"""
_MOVE = """
    WITH given AS (SELECT * FROM unnest(%(cases)s::bigint[], %(froms)s::text[], %(stages)s::text[],
                                        %(owed)s::bigint[], %(dues)s::date[], %(policies)s::bigint[])
                     AS given (id, from_stage, stage, owed, due_on, policy_id)),
         done AS (UPDATE arrears_arrearscase c
                     SET stage = given.stage, stage_since = %(today)s, policy_id = given.policy_id,
                         highest_stage = given.stage, owed_cents = given.owed
                    FROM given WHERE c.id = given.id AND c.stage = given.from_stage AND c.closed_at IS NULL
               RETURNING c.id)
    INSERT INTO arrears_stagechange (case_id, from_stage, to_stage, "on", at, actor, reason, owed_cents,
                                     earliest_due_on, policy_id)
    SELECT id, given.from_stage, given.stage, %(today)s, %(at)s, %(actor)s, 'REACHED_' || given.stage, given.owed,
           given.due_on, given.policy_id
      FROM done JOIN given USING (id) ORDER BY id"""


def _given(rows: Sequence[Judged], today: date, actor: Actor, as_of: datetime) -> dict[str, Any]:
    return {
        "accounts": arrays.ints(each.subject.account_id for each in rows),
        "cases": arrays.ints(each.subject.case_id for each in rows),
        "reasons": arrays.texts(each.decision.close or CloseReason.PAID for each in rows),
        "froms": arrays.texts(each.subject.facts.stage for each in rows),
        "stages": arrays.texts(each.decision.stage for each in rows),
        "owed": arrays.ints(each.subject.facts.owed_cents for each in rows),
        "dues": arrays.dates(each.subject.facts.due_on for each in rows),
        "policies": arrays.ints(each.policy.id for each in rows),
        "today": today,
        "at": as_of,
        "actor": actor.ref,
    }


def _close(rows: Sequence[Judged], today: date, *, actor: Actor, as_of: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, _given(rows, today, actor, as_of))
        return int(cursor.rowcount)


def _open(rows: Sequence[Judged], today: date, *, actor: Actor, as_of: datetime) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, _given(rows, today, actor, as_of))
        return dict(cursor.fetchall())


def _move(rows: Sequence[Judged], today: date, *, actor: Actor, as_of: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, _given(rows, today, actor, as_of))
        return int(cursor.rowcount)


# What is paid ahead stays on: nothing of it is owed. So does the line of somebody for whom this account came to pay
# later: whoever was not warned at each address of his own, that of the line among them, is not switched off.
_LINES_ON = f"""
    SELECT s.payer_id, s.number FROM catalog_subscription s
     WHERE s.payer_id = ANY(%s::bigint[]) AND s.state = 'ACTIVE' AND (s.paid_until IS NULL OR s.paid_until <= %s)
       AND NOT EXISTS (SELECT FROM catalog_suspension off
                        WHERE off.subscription_id = s.id AND off.reason = 'ARREARS' AND off.ends_on IS NULL)
       AND (s.account_id = s.payer_id OR NOT EXISTS (
            SELECT FROM (SELECT k.value FROM accounts_contact k WHERE k.account_id = s.account_id
                         UNION ALL SELECT '+86' || right(s.service_number, 11)
                          WHERE s.{IS_MOBILE}) his
             WHERE NOT EXISTS (SELECT FROM accounts_contact own
                                WHERE own.account_id = s.payer_id AND own.value = his.value)
               AND NOT EXISTS (SELECT FROM arrears_arrearscase c JOIN arrears_casenotice n ON n.case_id = c.id
                                 JOIN notices_delivery d ON d.message_id = n.message_id AND d.address = his.value
                                WHERE c.account_id = s.payer_id AND c.closed_at IS NULL
                                  AND n.stage = 'SUSPEND_WARNED'))
            AND NOT EXISTS (
            SELECT FROM catalog_familymember f JOIN catalog_family g ON g.id = f.family_id AND g.payer_id = s.payer_id
              JOIN arrears_arrearscase c ON c.account_id = s.payer_id AND c.closed_at IS NULL
              JOIN arrears_stagechange w ON w.case_id = c.id AND w.to_stage = 'SUSPEND_WARNED'
             WHERE f.account_id = s.account_id AND f.active_from > w."on"))
     ORDER BY s.id"""
_LINES_OFF = """
    SELECT s.payer_id, s.number FROM catalog_subscription s
      JOIN catalog_suspension off ON off.subscription_id = s.id AND off.reason = 'ARREARS' AND off.ends_on IS NULL
     WHERE s.payer_id = ANY(%s::bigint[]) AND s.state = 'ACTIVE' ORDER BY s.id"""


def _switch(judged: Sequence[Judged], counts: Counts, *, actor: Actor, as_of: datetime) -> None:
    """Lines of who is suspended go off, unless paid ahead; lines that arrears had stopped and do no more come back."""
    off, on = going_off(judged), coming_back(judged)
    if off:
        counts.suspended += suspend(off, actor=actor, as_of=as_of)
    if on:
        restored = restore([each.subject.account_id for each in on], actor=actor, as_of=as_of)
        counts.restored += sum(len(numbers) for numbers in restored.values())
        counts.told += telling.tell_restored(
            [each.subject for each in on if restored.get(each.subject.account_id)], as_of=as_of
        )


def going_off(judged: Sequence[Judged]) -> list[int]:
    """Accounts whose lines are off from now on, if they are not yet."""
    return [
        each.subject.account_id
        for each in judged
        if each.decision.stage in OFF_STAGES and not (each.subject.case_id and each.decision.holds)
    ]


def coming_back(judged: Sequence[Judged]) -> list[Judged]:
    """Those whose time of being off is over."""
    was_off = (*OFF_STAGES, Stage.DISCONNECTED)  # one line was cut; the others of who pays are only off
    return [each for each in judged if each.decision.close and each.subject.facts.stage in was_off]


def suspend(account_ids: Sequence[int], *, actor: Actor, as_of: datetime) -> int:
    """What these accounts pay for is off for arrears, unless it is paid ahead; how many lines."""
    numbers = [number for _account, number in lines_on(account_ids, local_date(as_of))]
    if not numbers:
        return 0
    done = bulk_suspensions.suspend(
        numbers=numbers, reason=SuspensionReason.ARREARS, actor=actor, as_of=as_of
    )
    return done.done


def with_lines_on(account_ids: Sequence[int], today: date) -> list[int]:
    """Those of these accounts that pay for a line which is on and not paid ahead."""
    return sorted({account_id for account_id, _number in lines_on(account_ids, today)})


def lines_on(account_ids: Sequence[int], today: date) -> list[tuple[int, str]]:
    """Lines that are not off for arrears and not paid ahead: who pays, and their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(_LINES_ON, [arrays.ints(account_ids), today])
        return list(cursor.fetchall())


def lines_off(account_ids: Sequence[int]) -> list[tuple[int, str]]:
    """Lines that are off for arrears: who pays, and their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(_LINES_OFF, [arrays.ints(account_ids)])
        return list(cursor.fetchall())


def restore(account_ids: Sequence[int], *, actor: Actor, as_of: datetime) -> dict[int, list[str]]:
    """What these accounts pay for is off for arrears no more; the numbers of those lines, by account."""
    found: dict[int, list[str]] = {}
    for account_id, number in lines_off(account_ids):
        found.setdefault(account_id, []).append(number)
    numbers = [number for each in found.values() for number in each]
    if numbers:
        bulk_suspensions.resume(numbers=numbers, reason=SuspensionReason.ARREARS, actor=actor, as_of=as_of)
    return found
