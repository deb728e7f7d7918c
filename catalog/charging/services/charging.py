"""Charging some accounts for a month: their bills, what was charged, and what that puts right, in one transaction.

An account is charged once per month: under its lock, whoever comes second finds its charged month and leaves it.
The locks also hold back news of changed facts (`recharges`): a change is either in what is read here or is put right
by the next run, never lost between the two.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.conf import settings
from django.db import transaction
from django.utils import translation

from accounts import locks as account_locks
from billing.services.bulk import bulk_runs
from billing.services.bulk.bulk_runs import RunBill
from catalog.charging import texts
from catalog.charging.rules import NextBill, Place
from catalog.charging.selectors import candidates, next_bills
from catalog.charging.selectors.next_bills import Ready
from catalog.offers.lines import Names
from catalog.pricing import PricingError, as_json, digest
from catalog.pricing.types import Line, Period
from core.clock import local_date
from core.imports import staging
from core.imports.cells import Value
from core.imports.staging import Stage

log = logging.getLogger(__name__)
SOURCE = "hall:run"
MONTH_STAGE = Stage(
    "run_month",
    {
        "account_id": "bigint",
        "period": "text",
        "revision": "smallint",
        "digest": "text",
        "lines": "jsonb",
        "total_cents": "bigint",
        "region_id": "bigint",
        "customer_kind": "text",
        "bill_id": "bigint",
    },
)


@dataclass
class Outcome:
    """Accounts charged, those that somebody else had charged meanwhile, and why others could not be; the bills."""

    done: int = 0
    skipped: int = 0
    bills: int = 0
    corrections: int = 0  # months put right
    total_cents: int = 0  # of the bills
    failed: dict[int, str] = field(default_factory=dict)  # by account id


def prepare() -> None:
    """The temporary tables that `charge` needs, once per session."""
    bulk_runs.prepare()
    MONTH_STAGE.create()


def source_number(period: str, account_number: str) -> str:
    """How a run's bill is known: one per month and account."""
    return f"{period}:{account_number}"


def due_on(issued_on: date) -> date:
    """The last day on which paying a bill of that day is in time."""
    return date.fromordinal(issued_on.toordinal() + settings.BILL_DUE_DAYS)


@transaction.atomic
def charge(numbers: Sequence[str], period: Period, *, known: Names, as_of: datetime) -> Outcome:
    """All of it or nothing; an account that cannot be priced is written down as such, the others are charged."""
    staging.prefer_lookups()
    accounts = {key: number for number, key in account_locks.accounts(numbers).items()}
    before = candidates.charged_among(list(accounts), period)
    ids = sorted(accounts.keys() - before)
    outcome = Outcome(skipped=len(before))
    ready = next_bills.ready(ids, period)
    found = dict(_computed(ready, ids, accounts, outcome))
    outcome.done = len(found)
    bills = _bills(found, accounts, period, known, as_of)
    outcome.bills, outcome.total_cents = len(bills), sum(found[key].total_cents for key in bills)
    outcome.corrections = sum(len(bill.corrections) for bill in found.values())
    _write(ready, found, bills, as_of)
    _note(outcome, list(found), period, as_of)
    return outcome


def _computed(
    ready: Ready, ids: Sequence[int], accounts: Mapping[int, str], outcome: Outcome
) -> Iterator[tuple[int, NextBill]]:
    for key in ids:
        try:
            yield key, ready.of(key)
        except PricingError as error:
            outcome.failed[key] = f"{error.code}: {error}"
        except Exception as error:  # one account's fault must not cost the others their bills
            log.exception("account not charged", extra={"account": accounts[key]})
            outcome.failed[key] = type(error).__name__


def _bills(
    found: Mapping[int, NextBill], accounts: Mapping[int, str], period: Period, known: Names, as_of: datetime
) -> dict[int, int]:
    """Writes the bills of those that have anything to bill; their ids by account."""
    with translation.override(texts.LANGUAGE):
        wanted = [
            RunBill(
                account_id=key,
                source_number=source_number(period.code, accounts[key]),
                lines=texts.bill_lines(bill, known),
                total_cents=bill.total_cents,
            )
            for key, bill in found.items()
            if bill.has_lines
        ]
    issued_on = local_date(as_of)
    ids = bulk_runs.issue(
        wanted,
        source=SOURCE,
        period=period.code,
        issued_on=issued_on,
        due_on=due_on(issued_on),
        as_of=as_of,
    )
    return {bill.account_id: bill_id for bill, bill_id in zip(wanted, ids, strict=True)}


def _write(ready: Ready, found: Mapping[int, NextBill], bills: Mapping[int, int], as_of: datetime) -> None:
    """The charged months, and what of earlier ones is put right with them."""
    if not found:
        return
    MONTH_STAGE.fill(row for key, bill in found.items() for row in _rows(ready, key, bill, bills.get(key)))
    taken = [key for key, bill in found.items() if bill.taken_cents]
    forward = {key: bill.forward_cents for key, bill in found.items() if bill.forward_cents}
    again = [key for key in found if key in ready.again]
    staging.execute(_MONTHS, {"at": as_of})
    given = {"period": ready.period.code, "at": as_of}
    if taken:
        staging.execute(_TAKEN, given | {"ids": taken})
    if forward:
        staging.execute(_FORWARD, given | {"ids": list(forward), "cents": list(forward.values())})
    if again:
        staging.execute(_DONE, given | {"ids": again})


def _rows(ready: Ready, key: int, bill: NextBill, bill_id: int | None) -> Iterator[tuple[Value, ...]]:
    yield _row(key, ready.period.code, 0, bill.month, ready.months[key].place, bill_id)
    for each in bill.corrections:
        yield _row(key, each.period, each.revision, each.whole, each.place, bill_id)


def _row(
    key: int, period: str, revision: int, lines: Sequence[Line], place: Place, bill_id: int | None
) -> tuple[Value, ...]:
    written = json.dumps([as_json(line) for line in lines], ensure_ascii=False, separators=(",", ":"))
    total = sum(line.amount_cents for line in lines)
    return (key, period, revision, digest(lines), written, total, place.region_id, place.kind, bill_id)


def _note(outcome: Outcome, ids: Sequence[int], period: Period, as_of: datetime) -> None:
    """The run's row counts them; those that failed are on the list, those that were on it are done."""
    given = {"period": period.code, "at": as_of, "ids": list(ids)}
    counts = {"done": outcome.done, "bills": outcome.bills, "cents": outcome.total_cents}
    staging.execute(_COUNT, given | counts)
    if ids:
        staging.execute(_RESOLVED, given)
    if outcome.failed:
        note_failed(outcome.failed, period, as_of=as_of)


def note_failed(failed: Mapping[int, str], period: Period, *, as_of: datetime) -> None:
    """These accounts have no bill of the month, with the reason; staff see them until a run has charged them."""
    staging.execute(
        _FAILED,
        {
            "period": period.code,
            "at": as_of,
            "ids": list(failed),
            "errors": [error[:300] for error in failed.values()],
        },
    )


_MONTHS = """
    INSERT INTO catalog_chargedmonth (account_id, period, revision, digest, lines, total_cents, region_id,
                                      customer_kind, bill_id, created_at)
    SELECT account_id, period, revision, digest, lines, total_cents, region_id, customer_kind, bill_id, %(at)s
      FROM run_month"""
_TAKEN = """
    UPDATE catalog_carriedforward SET taken_in = %(period)s
     WHERE account_id = ANY(%(ids)s::bigint[]) AND taken_in = '' AND from_period < %(period)s"""
_FORWARD = """
    INSERT INTO catalog_carriedforward (account_id, from_period, amount_cents, taken_in, created_at)
    SELECT account_id, %(period)s, cents, '', %(at)s
      FROM unnest(%(ids)s::bigint[], %(cents)s::bigint[]) AS x (account_id, cents)"""
_DONE = """
    UPDATE catalog_recharge SET done_at = %(at)s
     WHERE account_id = ANY(%(ids)s::bigint[]) AND done_at IS NULL AND period < %(period)s"""
_COUNT = """
    UPDATE catalog_billrun
       SET accounts = accounts + %(done)s, bills = bills + %(bills)s, total_cents = total_cents + %(cents)s,
           worked_at = %(at)s
     WHERE period = %(period)s"""
_RESOLVED = """
    UPDATE catalog_billrunfailure SET resolved_at = %(at)s
     WHERE account_id = ANY(%(ids)s::bigint[]) AND period = %(period)s AND resolved_at IS NULL"""
_FAILED = """
    INSERT INTO catalog_billrunfailure (account_id, period, error, failed_at)
    SELECT account_id, %(period)s, error, %(at)s
      FROM unnest(%(ids)s::bigint[], %(errors)s::text[]) AS x (account_id, error)
        ON CONFLICT (account_id, period)
        DO UPDATE SET error = excluded.error, failed_at = excluded.failed_at, resolved_at = NULL"""
