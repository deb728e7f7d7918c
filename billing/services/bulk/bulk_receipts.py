"""Money that another system took, a chunk at a time: what `receipts.book` would write for each row in turn.

A receipt is known by (gateway, trade number); the gateway is "import:" and the profile's source. It settles the bill
that the row names, then the account's oldest; what is left is the account's credit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from accounts import locks as account_locks
from accounts.services import bulk_accounts
from billing import locks, rules
from billing.events import ReceiptsImported
from billing.selectors import penalties
from billing.services.bulk.bulk_reasons import OTHER_ACCOUNT, PAID_IN_FUTURE, UNKNOWN_ACCOUNT, UNKNOWN_BILL
from billing.services.money import receipts
from core import clock, outbox
from core.imports import cells, profiles, rejects, runs, staging
from core.imports.cells import Value
from core.imports.profiles import Profile
from core.imports.records import Field, Record
from core.imports.rejects import Refused, Reject
from core.imports.runs import Job, Outcome, Progress
from core.imports.staging import Stage

KIND = "receipts"
OPTIONS: dict[str, type | tuple[type, ...]] = {
    "bill_source": str,  # whose bill numbers the rows name, when that is not the profile's own source
}
FIELDS = (
    Field("trade_no", cells.number(64), is_required=True),
    Field("account", bulk_accounts.account_number()),
    Field("amount", cells.amount(allow_zero=False), is_required=True),
    Field("paid_at", cells.moment(), is_required=True),
    Field("bill", cells.number(60)),
)
_TOLD_AT_ONCE = 500  # accounts: whoever hears of it works on them in one transaction
_ACCOUNT, _PAID_AT, _BILL = 1, 3, 4  # places in a record's values
RECEIPT_STAGE = Stage(
    "import_receipt",
    {
        "receipt_id": "bigint",
        "account_id": "bigint",
        "trade_no": "text",
        "amount_cents": "bigint",
        "allocated_cents": "bigint",
        "paid_at": "timestamptz",
    },
)
SHARE_STAGE = Stage("import_share", {"receipt_id": "bigint", "bill_id": "bigint", "cents": "bigint"})


class Given(NamedTuple):
    """What a row says of a receipt; an empty account means the bill's, an empty bill the oldest."""

    line: int
    trade_no: str
    account: str
    amount: int
    paid_at: str  # ISO with offset
    bill: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """A receipt to be booked on an account whose lock is held."""

    account_id: int
    trade_no: str
    amount_cents: int
    paid_at: str  # ISO with offset
    bill_id: int | None = None  # settled first; None: oldest first


@dataclass(frozen=True, slots=True)
class _Bill:
    id: int
    account: str  # its number


def load(job: Job, *, profile: str, as_of: datetime) -> Iterator[Progress]:
    """Imports the file through the profile of this name or path; progress after each chunk. See `core.imports.runs`."""
    found = profiles.load(profile, kind=KIND, options=OPTIONS)
    return runs.run(job, ReceiptsImporter(found, as_of=as_of))


def gateway(source: str) -> str:
    """The name under which receipts of a profile's source are kept."""
    return f"import:{source}"


def _lock_name(of_gateway: str) -> str:
    return f"{KIND}:{of_gateway}"


class ReceiptsImporter:
    """See `core.imports.runs.Importer`."""

    fields = FIELDS
    lane_field = None  # a row may leave its account to its bill

    def __init__(self, profile: Profile, *, as_of: datetime) -> None:
        self.name = _lock_name(gateway(profile.source))
        self.profile = profile
        self._as_of = as_of
        self._gateway = gateway(profile.source)
        self._bill_source = str(profile.options.get("bill_source", profile.source))
        self._before = 0  # the highest receipt that was there when the run began

    def finish(self, values: list[Value]) -> None:
        if not values[_ACCOUNT] and not values[_BILL]:
            raise Refused(rejects.MISSING, "account")
        # Penalties go by this day: a mistyped year would charge the whole of them.
        if clock.local_date(datetime.fromisoformat(str(values[_PAID_AT]))) > clock.local_date(self._as_of):
            raise Refused(PAID_IN_FUTURE, "paid_at")

    def prepare(self) -> None:
        create_stages()
        self._before = staging.highest_id("billing_receipt")

    def merge(self, records: Sequence[Record], *, dry_run: bool) -> Outcome:
        staging.prefer_lookups()
        rows = [Given._make((record.line, *record.values)) for record in records]
        bills = _bills(self._bill_source, {row.bill for row in rows if row.bill})
        accounts = account_locks.accounts(
            {row.account or bills[row.bill].account for row in rows if row.account or row.bill in bills}
        )
        outcome = Outcome()
        new = self._new(rows, bills, accounts, outcome)
        if not dry_run:
            write(new, gateway=self._gateway, as_of=self._as_of)
        outcome.created = len(new)
        return outcome

    def _new(
        self, rows: Sequence[Given], bills: dict[str, _Bill], accounts: dict[str, int], outcome: Outcome
    ) -> list[Incoming]:
        """The receipts that are to be booked; the others are counted or rejected in `outcome`."""
        new: list[Incoming] = []
        known = _known(self._gateway, [row.trade_no for row in rows])
        for row in rows:
            bill = bills.get(row.bill)
            account_id = accounts.get(row.account or (bill.account if bill else ""))
            if refused := _refusal(row, bill, account_id):
                outcome.rejects.append(refused)
            elif account_id is not None and (stored := known.get(row.trade_no)) is None:
                bill_id = bill.id if bill else None
                new.append(Incoming(account_id, row.trade_no, row.amount, row.paid_at, bill_id))
            elif account_id is not None and stored and (different := stored.difference(row, account_id)):
                reason = rejects.DUPLICATE if stored.id > self._before else rejects.CHANGED
                outcome.rejects.append(Reject(row.line, different, reason, row.trade_no))
            else:
                outcome.unchanged += 1
        return new


def _refusal(row: Given, bill: _Bill | None, account_id: int | None) -> Reject | None:
    if row.bill and bill is None:
        return Reject(row.line, "bill", UNKNOWN_BILL, row.bill)
    if account_id is None:
        return Reject(row.line, "account", UNKNOWN_ACCOUNT, row.account)
    if bill and row.account and bill.account != row.account:
        return Reject(row.line, "bill", OTHER_ACCOUNT, row.bill)
    return None


@dataclass(frozen=True, slots=True)
class _Known:
    """What is stored of a receipt."""

    id: int
    account_id: int
    amount: int
    paid_at: datetime

    def difference(self, row: Given, account_id: int) -> str:
        """The first field in which the row says something else; "" when it says the same."""
        if self.account_id != account_id:
            return "account"
        if self.amount != row.amount:
            return "amount"
        return "" if self.paid_at == datetime.fromisoformat(row.paid_at) else "paid_at"


def _known(gateway: str, trade_nos: Sequence[str]) -> dict[str, _Known]:
    sql = """SELECT trade_no, id, account_id, amount_cents, paid_at FROM billing_receipt
              WHERE gateway = %(gateway)s AND trade_no = ANY(%(trade_nos)s::text[])"""
    rows = staging.query(sql, {"gateway": gateway, "trade_nos": staging.array(trade_nos)})
    return {trade_no: _Known(*rest) for trade_no, *rest in rows}


def _bills(source: str, numbers: set[str]) -> dict[str, _Bill]:
    """The bills that rows name; a bill keeps its account for ever, so this needs no lock."""
    sql = """SELECT b.source_number, b.id, a.number
               FROM billing_bill b JOIN accounts_billingaccount a ON a.id = b.account_id
              WHERE b.source = %(source)s AND b.source_number = ANY(%(numbers)s::text[])"""
    rows = staging.query(sql, {"source": source, "numbers": staging.array(sorted(numbers))})
    return {number: _Bill(bill_id, account) for number, bill_id, account in rows}


def book_opening(
    opening: Sequence[Sequence[str | int]], *, source: str, paid_at: str, as_of: datetime
) -> int:
    """The money with which new accounts came, once per account: (number, fen) each; returns how many were booked.

    Called in a transaction. An account that does not exist is an error of the caller's (KeyError).
    """
    create_stages()
    staging.one_at_a_time(_lock_name(gateway(source)))
    accounts = account_locks.accounts(str(number) for number, _cents in opening)
    incoming = [
        Incoming(accounts[str(number)], f"opening:{number}", int(cents), paid_at) for number, cents in opening
    ]
    known = _known(gateway(source), [row.trade_no for row in incoming])
    new = [row for row in incoming if row.trade_no not in known]
    write(new, gateway=gateway(source), as_of=as_of)
    return len(new)


def create_stages() -> None:
    """The temporary tables that `write` needs, once per session."""
    RECEIPT_STAGE.create()
    SHARE_STAGE.create()


def write(rows: Sequence[Incoming], *, gateway: str, as_of: datetime) -> None:
    """Each receipt is booked, in the order given, as `receipts.book` would. The accounts' locks are held.

    Rooms above hear whose money came: who was switched off for want of it is on again within seconds.
    """
    bills = locks.open_bills({row.account_id for row in rows})
    late = _accounts_with_penalties(rows, bills)
    for row in rows:
        if row.account_id in late:  # few: each penalty is billed and explained by itself
            _book(row, gateway=gateway, as_of=as_of)
    _write_together([row for row in rows if row.account_id not in late], bills, gateway=gateway, as_of=as_of)
    ids = sorted({row.account_id for row in rows})
    for begin in range(0, len(ids), _TOLD_AT_ONCE):
        outbox.publish(ReceiptsImported(ids[begin : begin + _TOLD_AT_ONCE]), as_of=as_of)


def _accounts_with_penalties(rows: Sequence[Incoming], bills: Sequence[locks.OpenBill]) -> set[int]:
    """The accounts on which one of these receipts may find a penalty. Penalties only grow with time."""
    if not bills:
        return set()
    until = max(_paid_on(row) for row in rows)
    late = {bill.id: bill.account_id for bill in bills if bill.may_cost(until)}
    accrued = penalties.accrued(late, on=until)
    return {late[bill_id] for bill_id, found in accrued.items() if found.cents}


def _book(row: Incoming, *, gateway: str, as_of: datetime) -> None:
    receipts.book(
        account_id=row.account_id,
        gateway=gateway,
        trade_no=row.trade_no,
        amount_cents=row.amount_cents,
        paid_at=datetime.fromisoformat(row.paid_at),
        first_bill_id=row.bill_id,
        as_of=as_of,
    )


def _paid_on(row: Incoming) -> date:
    return clock.local_date(datetime.fromisoformat(row.paid_at))


def _write_together(
    rows: Sequence[Incoming], bills: Sequence[locks.OpenBill], *, gateway: str, as_of: datetime
) -> None:
    if not rows:
        return
    owed: dict[int, list[rules.Owed]] = {}
    for bill in bills:
        owed.setdefault(bill.account_id, []).append(
            rules.Owed(bill.id, bill.cents, is_penalty=bill.is_penalty)
        )
    settled: list[rules.Settlement] = []
    for row in rows:
        before = owed.get(row.account_id, [])
        settlement = rules.settle(row.amount_cents, before, first_bill_id=row.bill_id)
        owed[row.account_id] = list(rules.after(before, settlement))
        settled.append(settlement)
    ids = staging.next_ids("billing_receipt", len(rows))
    _stage(ids, rows, settled)
    prefix = f"R{clock.local_date(as_of):%Y%m%d}"
    staging.execute(_WRITE, {"prefix": prefix, "gateway": gateway, "at": as_of})


def _stage(ids: Sequence[int], rows: Sequence[Incoming], settled: Sequence[rules.Settlement]) -> None:
    RECEIPT_STAGE.fill(
        (
            receipt_id,
            row.account_id,
            row.trade_no,
            row.amount_cents,
            settlement.cents,
            row.paid_at,
        )
        for receipt_id, row, settlement in zip(ids, rows, settled, strict=True)
    )
    SHARE_STAGE.fill(
        (receipt_id, share.bill_id, share.cents)
        for receipt_id, settlement in zip(ids, settled, strict=True)
        for share in settlement.shares
    )


_WRITE = """
    INSERT INTO billing_receipt (id, number, gateway, trade_no, account_id, amount_cents, allocated_cents,
                                 refunded_cents, review_reason, paid_at, booked_at)
    SELECT receipt_id, %(prefix)s || lpad(nextval('receipt_number')::text, 10, '0'), %(gateway)s, trade_no,
           account_id, amount_cents, allocated_cents, 0, '', paid_at, %(at)s
      FROM import_receipt;
    INSERT INTO billing_allocation (receipt_id, bill_id, amount_cents, effective_on, at)
    SELECT receipt_id, bill_id, cents, (paid_at AT TIME ZONE 'Asia/Shanghai')::date, %(at)s
      FROM import_share JOIN import_receipt USING (receipt_id);
    UPDATE billing_bill SET paid_cents = paid_cents + share.cents
      FROM (SELECT bill_id, sum(cents)::bigint AS cents FROM import_share GROUP BY bill_id) AS share
     WHERE billing_bill.id = share.bill_id;
    INSERT INTO billing_ledgerentry (account_id, kind, amount_cents, receipt_id, at)
    SELECT account_id, 'RECEIPT', amount_cents, receipt_id, %(at)s FROM import_receipt;
    INSERT INTO billing_accountbalance (account_id, balance_cents)
    SELECT account_id, sum(amount_cents) FROM import_receipt GROUP BY account_id ORDER BY account_id
        ON CONFLICT (account_id)
        DO UPDATE SET balance_cents = billing_accountbalance.balance_cents + excluded.balance_cents;"""
