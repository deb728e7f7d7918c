"""What the rules of arrears are asked with, and what they answer: plain values, amounts in fen, days local."""

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from arrears.choices import CloseReason, Hold, PartPayment, Proof, Stage, Wait

Holds = tuple[tuple[Hold, date], ...]  # until: the last day on which it holds
INBOX, POST = "inbox", "post"  # refs that are no contacts: our own page, and a letter to the address


@dataclass(frozen=True, slots=True)
class StageRule:
    """`days` since the due date (after SUSPENDED: since the suspension), `stay_days` in the stage before."""

    stage: Stage
    days: int
    stay_days: int = 1
    cap: int | None = None


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """`needed_for`: the stage that waits for it on every live contact; None: none. `has_letter`: also by post."""

    id: int
    stage: Stage
    days: int
    code: str
    needed_for: Stage | None = None
    proof: Proof = Proof.DELIVERED
    needed_days: int = 1
    has_letter: bool = False


@dataclass(frozen=True)
class PolicyFacts:
    """A policy as of one day. Stages that it does not name never happen.

    `held_from`: the first step that a hold stops. `in_flight_days`: how long an undecided payment holds.
    """

    id: int
    minimum_cents: int
    stages: dict[Stage, StageRule]
    notices: tuple[NoticeRule, ...] = ()
    held_from: Stage = Stage.SUSPEND_WARNED
    in_flight_days: int = 3
    part_payment: PartPayment = PartPayment.ANCHOR_MOVES
    tells_when_held: bool = True
    rule_ids: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rule_ids", frozenset(rule.id for rule in self.notices))


class Reach(NamedTuple):
    """A live contact: where somebody can be told. `ref` is "contact:17" or "service:13900000001".

    `member`: the number of the account whose contact it is, where another one pays; empty: of who pays.
    """

    ref: str
    channel: str
    address: str
    contact_id: int | None = None
    member: str = ""


class Told(NamedTuple):
    """One ref was told one thing in this case. `is_hard`: the address takes no messages, now or later."""

    rule_id: int
    code: str
    ref: str
    on: date
    sent_on: date | None = None
    delivered_on: date | None = None
    is_hard: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """An account on a day. Amounts in fen; `owed_cents` and `due_on` are of what counts, less credit and disputes.

    Without a case `stage` is NONE and `since`, `suspended_on`, `entered_due_on`, `told` are empty. `due_on` is None
    when nothing is owed. `relief` is why nothing is owed, when it is known better than "paid".
    """

    account_id: int
    owed_cents: int = 0
    due_on: date | None = None
    stage: Stage = Stage.NONE
    since: date | None = None
    suspended_on: date | None = None
    entered_due_on: date | None = None  # the earliest due date when it came into its stage
    credit_days: int = 0
    contacts: tuple[Reach, ...] = ()
    has_post: bool = False
    told: tuple[Told, ...] = ()
    holds: Holds = ()
    relief: CloseReason = CloseReason.PAID
    paying_days: int = 0  # whole days since the youngest undecided payment was begun
    has_lines: bool = True  # pays for something that can be switched off


class Tell(NamedTuple):
    """A notice that is due, and the refs that have not had it."""

    rule: NoticeRule
    refs: tuple[str, ...]


class Next(NamedTuple):
    """The next stage: its earliest day as things stand, and what must happen first (nothing: it comes that day)."""

    stage: Stage
    day: date
    waits: tuple[Wait, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """`close`: the present case ends for that reason; a `stage` above NONE is then that of a new case."""

    stage: Stage
    notices: tuple[Tell, ...]
    holds: Holds
    next: Next | None
    close: CloseReason | None = None
