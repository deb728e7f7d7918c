"""An account in arrears as staff look at it: what the rules say of it now, and how each of its notices fares."""

from dataclasses import dataclass
from datetime import date, datetime

from arrears import rules
from arrears.choices import Hold, Stage
from arrears.models import CaseNotice
from arrears.rule_facts import Decision, PolicyFacts
from arrears.selectors import facts as facts_reads
from arrears.selectors import policies
from arrears.selectors.facts import Subject
from arrears.selectors.policies import Book
from catalog.choices import SuspensionReason
from catalog.models import Suspension
from core.clock import local_date
from notices import kinds
from notices.models import Delivery, DeliveryState, Failure

TO_READ = (DeliveryState.DELIVERED, DeliveryState.SENT, DeliveryState.QUEUED)  # the first that there is


@dataclass(frozen=True, slots=True)
class Prospect:
    """`decision` is what the daily pass would find now; without a policy there is none."""

    subject: Subject
    policy: PolicyFacts | None
    decision: Decision | None
    today: date

    @property
    def days(self) -> dict[Stage, date]:
        """The earliest day of each stage ahead."""
        return rules.expected(self.subject.facts, self.policy, self.today) if self.policy else {}

    @property
    def holds(self) -> tuple[tuple[Hold, date], ...]:
        return rules.holding(self.subject.facts, self.policy, self.today) if self.policy else ()

    @property
    def is_unreachable(self) -> bool:
        """Nobody can be told anything: no contact, and no address for a letter."""
        return not rules.must_hear(self.subject.facts)


def of(account_ids: list[int], *, as_of: datetime, book: Book | None = None) -> list[Prospect]:
    """These accounts as the rules see them now; the same few statements however many there are."""
    today = local_date(as_of)
    book = book or policies.book(today)
    found = []
    for subject in facts_reads.of(account_ids, as_of=as_of).values():
        policy = book.find(subject.region_id, subject.customer_kind)
        decision = rules.assess(subject.facts, policy, today) if policy else None
        found.append(Prospect(subject, policy, decision, today))
    return found


def lines_off(account_id: int) -> list[Suspension]:
    """The services of whoever pays by this account that arrears have stopped, and that are still off."""
    rows = Suspension.objects.filter(
        subscription__payer_id=account_id, reason=SuspensionReason.ARREARS, ends_on=None
    )
    return list(rows.select_related("subscription__offer").order_by("begins_on", "pk"))


def best(notice: CaseNotice) -> Delivery | None:
    """Of the deliveries of a notice (prefetched) the one that tells most: what arrived, else what may still arrive.

    Of those to its own contact: that something else was sent elsewhere instead proves nothing of it.
    """
    every = sorted(notice.message.deliveries.all(), key=lambda row: row.pk)
    rows = [row for row in every if (row.channel, row.address) == (every[0].channel, every[0].address)]
    for state in TO_READ:
        if found := next((row for row in rows if row.state == state), None):
            return found
    return rows[-1] if rows else None


def title(code: str) -> str:
    """What a kind of notice is called."""
    kind = kinds.find(code)
    return str(kind.title) if kind else code


def is_dead(row: Delivery) -> bool:
    """The address takes no messages, now or later."""
    return row.state == DeliveryState.FAILED and row.failure == Failure.HARD


def unproven(prospect: Prospect) -> tuple[str, ...]:
    """The refs without proof of the notice for which the next stage waits."""
    if prospect.policy is None or prospect.decision is None or prospect.decision.next is None:
        return ()
    return rules.unproven(prospect.subject.facts, prospect.policy, prospect.decision.next.stage)
