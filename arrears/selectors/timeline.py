"""What happened in a case, day by day: its stages, and each notice with every contact of who pays that it went to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Prefetch, Q, QuerySet

from arrears.models import ArrearsCase, CaseNotice, StageChange
from billing.models import Bill, BillKind, Dispute
from notices.models import Delivery


@dataclass(frozen=True, slots=True)
class Event:
    """A stage that was reached, or a notice (`code`) with its deliveries, one or more for each contact."""

    on: date
    stage: str = ""
    reason: str = ""  # of a stage
    code: str = ""
    deliveries: list[Delivery] = field(default_factory=list)


def cases(account_id: int) -> "QuerySet[ArrearsCase]":
    """The account's, the newest first."""
    return ArrearsCase.objects.filter(account_id=account_id).order_by("-opened_at", "-pk")


def events(case: ArrearsCase) -> list[Event]:
    """Newest first. Three queries."""
    changes = [
        (each.on, 0, each.pk, Event(each.on, each.to_stage, each.reason))
        for each in StageChange.objects.filter(case=case).order_by("pk")
    ]
    found = sorted([*changes, *_told(case)], key=lambda each: each[:3], reverse=True)
    return [each[3] for each in found]


def counting(account_id: int) -> list[Bill]:
    """Its unpaid bills, the earliest first, each with its open `disputed` ones; those of orders do not count."""
    disputes = Prefetch("disputes", Dispute.objects.open(), to_attr="disputed")
    rows = Bill.objects.filter(account_id=account_id, open_cents__gt=0).filter(~Q(kind=BillKind.ORDER))
    return list(rows.select_related("account").prefetch_related(disputes).order_by("due_on", "pk"))


def _told(case: ArrearsCase) -> Iterator[tuple[date, int, int, Event]]:
    deliveries = Prefetch("message__deliveries", Delivery.objects.order_by("pk"))
    own = f"account:{case.account.number}"  # where those are told for whom he pays is nobody else's matter
    rows = CaseNotice.objects.filter(case=case, message__recipient_ref=own)
    rows = rows.select_related("rule", "message").prefetch_related(deliveries)
    by_notice: dict[tuple[date, int], Event] = {}
    for row in rows.order_by("pk"):
        key = (row.told_on, row.rule_id)
        if key not in by_notice:
            by_notice[key] = Event(row.told_on, code=row.rule.template_code)
            yield (row.told_on, 1, row.pk, by_notice[key])
        by_notice[key].deliveries.extend(row.message.deliveries.all())
