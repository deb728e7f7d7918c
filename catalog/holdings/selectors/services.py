"""What a customer holds, as his own pages show it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Prefetch, QuerySet

from accounts.models import BillingAccount
from accounts.rules import Action
from accounts.selectors import accounts
from catalog.choices import SuspensionReason
from catalog.holdings.models import Subscription, SubscriptionState, Suspension
from catalog.holdings.selectors import holdings, payers
from catalog.offers.selectors import books
from catalog.pricing import PricingError, charges
from catalog.pricing.types import Holding, Line, Period
from core.errors import NotFound

ENDED_FOR = timedelta(days=730)  # how long what is over is still shown
_S = SubscriptionState


class Shown(StrEnum):
    """How a holding stands, in a word."""

    ON = "ON"
    OFF = "OFF"  # suspended
    WAITING = "WAITING"  # ordered, not in use yet
    ENDED = "ENDED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Service:
    """One holding with why it is off, and what it costs on the bill of the running month (None: cannot be told)."""

    row: Subscription
    stops: tuple[Suspension, ...]  # those that are open
    month_cents: int | None
    is_changing: bool  # something is to take its place

    @property
    def shown(self) -> Shown:
        if self.row.state == _S.PENDING:
            return Shown.WAITING
        if self.row.state == _S.ACTIVE:
            return Shown.OFF if self.stops else Shown.ON
        return Shown.ENDED if self.row.state == _S.TERMINATED else Shown.CANCELLED

    @property
    def address(self) -> str:
        return self.row.address or self.row.account.address

    @property
    def reasons(self) -> frozenset[str]:
        return frozenset(stop.reason for stop in self.stops)

    @property
    def is_held(self) -> bool:
        return self.row.state in (_S.PENDING, _S.ACTIVE)

    @property
    def may_change(self) -> bool:
        """Whether an order may still be given for it; the order itself is checked again."""
        barred = {SuspensionReason.FRAUD_CHECK, SuspensionReason.STAFF}
        return self.row.state == _S.ACTIVE and not self.is_changing and not barred & self.reasons


@dataclass(frozen=True, slots=True)
class OfAccount:
    """All that one account holds. `payer` is None where it pays for itself."""

    account: BillingAccount
    payer: BillingAccount | None
    held: tuple[Service, ...]
    over: tuple[Service, ...]
    may_order: bool

    @property
    def month_cents(self) -> int | None:
        """What the running month costs; None while part of it cannot be told."""
        known = [each.month_cents for each in self.held]
        return None if None in known else sum(cents or 0 for cents in known)


def of_user(user: Any, *, today: date) -> list[OfAccount]:
    """The user's accounts with what each holds, by number."""
    mine = list(accounts.where(user, Action.SEE_BILLS))
    ordering = set(accounts.where(user, Action.ORDER).values_list("pk", flat=True))
    rows = _rows(Subscription.objects.filter(account__in=mine), today)
    by_account: defaultdict[int, list[Subscription]] = defaultdict(list)
    for row in rows:
        by_account[row.account_id].append(row)
    paying = payers.of_accounts([each.pk for each in mine], on=today)
    heads = BillingAccount.every.in_bulk({head for each, head in paying.items() if head != each})
    fees = _fees(set(paying.values()), today)
    return [
        _of_account(each, by_account[each.pk], fees, each.pk in ordering, heads.get(paying[each.pk]))
        for each in mine
    ]


def one(user: Any, number: str, *, today: date) -> tuple[Service, bool]:
    """The user's holding of that number, and whether he may order changes of it. Raises NotFound for a stranger's."""
    row = _with_parts(Subscription.objects.for_user(user)).filter(number=number).first()
    if row is None or not accounts.may(user, row.account_id, Action.SEE_BILLS):
        raise NotFound()
    fees = _fees({payers.of_account(row.account_id, on=today)}, today)
    return _service(row, fees), accounts.may(user, row.account_id, Action.ORDER)


def export(user: Any) -> Iterator[Sequence[str]]:
    """Everything that the user's accounts hold and have held, for a table: texts, days as ISO, states by label."""
    mine = accounts.where(user, Action.SEE_BILLS)
    rows = _with_parts(Subscription.objects.filter(account__in=mine)).order_by("account__number", "pk")
    for row in rows.iterator(chunk_size=500):
        days = (row.begins_on, row.ends_on, row.committed_until, row.paid_until)
        shown = [day.isoformat() if day else "" for day in days]
        device = row.device.serial if row.device else ""
        address = row.address or row.account.address
        yield [
            row.account.number,
            row.number,
            str(row.offer),
            str(_S(row.state).label),
            *shown,
            row.service_number,
            device,
            address,
        ]


def _of_account(
    account: BillingAccount,
    rows: Iterable[Subscription],
    fees: Mapping[str, int | None],
    may_order: bool,
    head: BillingAccount | None,
) -> OfAccount:
    found = [_service(row, fees) for row in rows]
    return OfAccount(
        account=account,
        payer=head,
        held=tuple(each for each in found if each.is_held),
        over=tuple(each for each in found if not each.is_held),
        may_order=may_order,
    )


def _service(row: Subscription, fees: Mapping[str, int | None]) -> Service:
    stops = tuple(row.suspensions.all())
    return Service(row, stops, fees.get(row.number, 0), bool(vars(row)["next_one"]))


def _rows(found: "QuerySet[Subscription]", today: date) -> list[Subscription]:
    """Those in use and to come, and what is over not too long ago; newest first."""
    held = found.held() | found.filter(ends_on__gt=today - ENDED_FOR)  # type: ignore[attr-defined]  # our queryset
    return list(_with_parts(held).order_by("offer__type__position", "begins_on", "pk"))


def _with_parts(found: "QuerySet[Subscription]") -> "QuerySet[Subscription]":
    open_ones = Suspension.objects.filter(ends_on=None).order_by("begins_on", "pk")
    following = Subscription.objects.filter(state=_S.PENDING, follows__isnull=False)
    return found.select_related("offer__type", "device", "account").prefetch_related(
        Prefetch("suspensions", queryset=open_ones),
        Prefetch("followed_by", queryset=following, to_attr="next_one"),
    )


def _fees(paying: Collection[int], today: date) -> dict[str, int | None]:
    """What each holding for which these accounts pay costs on the bill of the running month, by number."""
    period = Period.containing(today)
    found: dict[str, int | None] = {}
    held = holdings.of_many(paying, period, with_pending=True, today=today)
    facts = books.facts_of(paying, today)
    priced = books.many({(each.region_id, each.kind) for each in facts.values()})
    for payer_id, rows in held.items():
        of_payer = facts[payer_id]
        book = priced[of_payer.region_id, of_payer.kind]
        try:
            lines = charges(
                holdings=rows, change=None, customer=of_payer.customer, book=book, period=period
            ).month
        except PricingError:
            found |= {row.ref: None for row in rows}
        else:
            found |= _by_holding(rows, lines)
    return found


def _by_holding(rows: Iterable[Holding], lines: Iterable[Line]) -> dict[str, int | None]:
    sums = {row.ref: 0 for row in rows}
    for line in lines:
        sums[line.ref] += line.amount_cents
    return dict(sums)
