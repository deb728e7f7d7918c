"""Bills from another system's export, a chunk at a time: the same rows that `bills.issue` would write one by one.

A bill is known by (source, source_number). The same again changes nothing; another account, total or date under a
number that exists is rejected, since a bill never changes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from accounts import locks as account_locks
from accounts.services import bulk_accounts
from billing.services.bulk import bulk_credits, bulk_rows
from billing.services.bulk.bulk_reasons import DUE_BEFORE_ISSUED, ITEMS_DIFFER, UNKNOWN_ACCOUNT
from core import clock
from core.imports import cells, profiles, rejects, runs, staging
from core.imports.cells import Value
from core.imports.profiles import Profile
from core.imports.records import Field, Record
from core.imports.rejects import Refused, Reject
from core.imports.runs import Job, Outcome, Progress
from core.imports.staging import Stage

KIND = "bills"
OPTIONS: dict[str, type | tuple[type, ...]] = {
    "create_accounts": bool,  # accounts that do not exist are made from the row
    "due_days": int,  # when the file has no due date: so many days after the bill's date
    "items": list,  # the bill's lines, each an amount in a column of its own
}
_ITEM_KEYS = {"code", "text", "column"}
LONGEST_CODE, LONGEST_TEXT = 40, 200

FIELDS = (
    Field("number", cells.number(60), is_required=True),
    Field("account", bulk_accounts.account_number(), is_required=True),
    Field("issued_on", cells.day(), is_required=True),
    Field("due_on", cells.day(), default=None),
    Field("period", cells.period()),
    Field("amount", cells.amount(), default=None),
    Field("item_code", cells.text(LONGEST_CODE), default="import"),
    Field("item_text", cells.text(LONGEST_TEXT, line_breaks=True), default="账单金额"),
    Field("account_name", bulk_accounts.name()),
    Field("account_phone", bulk_accounts.phone()),
    Field("account_address", bulk_accounts.address()),
)
_ISSUED, _DUE, _PERIOD, _AMOUNT, _ITEMS = 2, 3, 4, 5, len(FIELDS)  # places in a record's values
STAGE = Stage(
    "import_bill",
    {
        "bill_id": "bigint",
        "account_id": "bigint",
        "number": "text",
        "issued_on": "date",
        "due_on": "date",
        "period": "text",
        "total_cents": "bigint",
        "item_code": "text",
        "item_text": "text",
        "amounts": "bigint[]",
    },
)


class Given(NamedTuple):
    """What a row says of a bill. `amounts` are those of the profile's items, in their order."""

    line: int
    number: str
    account: str
    issued_on: str
    due_on: str
    period: str
    total: int
    item_code: str
    item_text: str
    account_name: str
    account_phone: str
    account_address: str
    amounts: tuple[int, ...]


def load(job: Job, *, profile: str, as_of: datetime) -> Iterator[Progress]:
    """Imports the file through the profile of this name or path; progress after each chunk. See `core.imports.runs`."""
    found = profiles.load(profile, kind=KIND, options=OPTIONS)
    return runs.run(job, BillsImporter(found, as_of=as_of))


class BillsImporter:
    """See `core.imports.runs.Importer`."""

    lane_field = "account"

    def __init__(self, profile: Profile, *, as_of: datetime) -> None:
        self.name = f"{KIND}:{profile.source}"
        self._items = _items(profile)
        self.profile = _with_items(profile, self._items)
        self.fields = [
            *FIELDS,
            *(Field(key, cells.amount(allow_negative=True), default=0) for key in self._items),
        ]
        self._as_of = as_of
        self._creates = bool(profile.options.get("create_accounts", False))
        self._due_days: int | None = profile.options.get("due_days")
        self._before = 0  # the highest bill that was there when the run began

    def finish(self, values: list[Value]) -> None:
        issued = str(values[_ISSUED])
        if values[_DUE] is None:
            values[_DUE] = self._due(issued)
        elif str(values[_DUE]) < issued:
            raise Refused(DUE_BEFORE_ISSUED, "due_on")
        values[_PERIOD] = values[_PERIOD] or issued[:7]
        if self._items:
            total = sum(int(amount or 0) for amount in values[_ITEMS:])
            if values[_AMOUNT] not in (None, total):
                raise Refused(ITEMS_DIFFER, "amount")
            if total < 0:
                raise Refused(rejects.NEGATIVE_AMOUNT, "amount")
            values[_AMOUNT] = total
        elif values[_AMOUNT] is None:
            raise Refused(rejects.MISSING, "amount")

    def _due(self, issued: str) -> str:
        if self._due_days is None:
            raise Refused(rejects.MISSING, "due_on")
        return (date.fromisoformat(issued) + timedelta(days=self._due_days)).isoformat()

    def prepare(self) -> None:
        STAGE.create()
        bulk_accounts.NEW_STAGE.create()
        self._before = staging.highest_id("billing_bill")

    def merge(self, records: Sequence[Record], *, dry_run: bool) -> Outcome:
        staging.prefer_lookups()
        rows = [Given._make((r.line, *r.values[:_ITEMS], tuple(r.values[_ITEMS:]))) for r in records]
        outcome = Outcome()
        accounts = self._accounts(rows, dry_run)
        new = self._new(rows, accounts, outcome)
        if not dry_run and new:
            self._write(new, accounts)
        outcome.created = len(new)
        return outcome

    def _accounts(self, rows: Sequence[Given], dry_run: bool) -> dict[str, int]:
        """The accounts of these bills, locked; those that are missing are made when the profile wants that."""
        numbers = sorted({row.account for row in rows})
        found = account_locks.accounts(numbers)
        missing = {row.account: row for row in reversed(rows) if row.account not in found}
        if not self._creates or not missing:
            return found
        if dry_run:
            return found | dict.fromkeys(missing, 0)
        wanted = [_account(row) for row in missing.values()]
        bulk_accounts.create(wanted, {}, as_of=self._as_of)
        return found | account_locks.accounts(sorted(missing))

    def _new(self, rows: Sequence[Given], accounts: dict[str, int], outcome: Outcome) -> list[Given]:
        """The bills that are to be written; the others are counted or rejected in `outcome`."""
        new: list[Given] = []
        known = _known(self.profile.source, [row.number for row in rows])
        for row in rows:
            stored = known.get(row.number)
            if row.account not in accounts:
                outcome.rejects.append(Reject(row.line, "account", UNKNOWN_ACCOUNT, row.account))
            elif stored is None:
                new.append(row)
            elif different := stored.difference(row, accounts[row.account]):
                reason = rejects.DUPLICATE if stored.id > self._before else rejects.CHANGED
                outcome.rejects.append(Reject(row.line, different, reason, row.number))
            else:
                outcome.unchanged += 1
        return new

    def _write(self, new: list[Given], accounts: dict[str, int]) -> None:
        new.sort(
            key=lambda row: accounts[row.account]
        )  # stable; neighbours in the indexes are written together
        ids = staging.next_ids("billing_bill", len(new))
        STAGE.fill(
            (
                bill_id,
                accounts[row.account],
                row.number,
                row.issued_on,
                row.due_on,
                row.period,
                row.total,
                row.item_code,
                row.item_text,
                "{" + ",".join(map(str, row.amounts)) + "}",
            )
            for bill_id, row in zip(ids, new, strict=True)
        )
        values: dict[str, Any] = {
            "prefix": f"B{clock.local_date(self._as_of):%Y%m%d}",
            "source": self.profile.source,
            "at": self._as_of,
            "codes": [code for code, _text in self._items.values()],
            "texts": [text for _code, text in self._items.values()],
        }
        lines = _ITEM_LINES if self._items else _ONE_LINE
        staging.execute(_BILLS + lines + _LEDGER, values)
        bulk_credits.use_for(
            _written(ids, new, accounts),
            account_ids={accounts[row.account] for row in new},
            as_of=self._as_of,
        )


def _written(
    ids: Sequence[int], rows: Sequence[Given], accounts: dict[str, int]
) -> Iterator[bulk_credits.NewBill]:
    for bill_id, row in zip(ids, rows, strict=True):
        issued_on, due_on = date.fromisoformat(row.issued_on), date.fromisoformat(row.due_on)
        yield bulk_credits.NewBill(bill_id, accounts[row.account], row.total, issued_on, due_on)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is stored of a bill."""

    id: int
    account_id: int
    total: int
    issued_on: date
    due_on: date

    def difference(self, row: Given, account_id: int) -> str:
        """The first field in which the row says something else; "" when it says the same."""
        if self.account_id != account_id:
            return "account"
        if self.total != row.total:
            return "amount"
        if self.issued_on.isoformat() != row.issued_on:
            return "issued_on"
        return "" if self.due_on.isoformat() == row.due_on else "due_on"


def _known(source: str, numbers: Sequence[str]) -> dict[str, _Known]:
    sql = """SELECT source_number, id, account_id, total_cents, issued_on, due_on FROM billing_bill
              WHERE source = %(source)s AND source_number = ANY(%(numbers)s::text[])"""
    rows = staging.query(sql, {"source": source, "numbers": staging.array(numbers)})
    return {number: _Known(*rest) for number, *rest in rows}


def _account(row: Given) -> bulk_accounts.Given:
    return bulk_accounts.Given(
        row.line, row.account, row.account_name, row.account_phone, row.account_address
    )


def _items(profile: Profile) -> dict[str, tuple[str, str]]:
    """Field name → (code, text) of each item that the profile names."""
    items: dict[str, tuple[str, str]] = {}
    for place, item in enumerate(profile.options.get("items", []), start=1):
        if not isinstance(item, dict) or set(item) != _ITEM_KEYS:
            raise profile.wrong("items", f"items: each has {', '.join(sorted(_ITEM_KEYS))}, and nothing else")
        if not all(isinstance(value, str) and value for value in item.values()):
            raise profile.wrong("items", "items: code, text and column must be texts")
        if len(item["code"]) > LONGEST_CODE or len(item["text"]) > LONGEST_TEXT:
            raise profile.wrong(
                "items", f"items: code {LONGEST_CODE}, text {LONGEST_TEXT} characters at most"
            )
        items[f"item {place}"] = (item["code"], item["text"])
    return items


def _with_items(profile: Profile, items: dict[str, tuple[str, str]]) -> Profile:
    columns = [item["column"] for item in profile.options.get("items", [])]
    return replace(profile, columns={**profile.columns, **dict(zip(items, columns, strict=True))})


_BILLS = bulk_rows.BILLS.format(stage=STAGE.table)
_LEDGER = bulk_rows.LEDGER.format(stage=STAGE.table)
_ONE_LINE = """
    INSERT INTO billing_billline (bill_id, position, code, text, amount_cents, source_kind, source_id)
    SELECT bill_id, 1, item_code, item_text, total_cents, '', '' FROM import_bill;"""
_ITEM_LINES = """
    INSERT INTO billing_billline (bill_id, position, code, text, amount_cents, source_kind, source_id)
    SELECT b.bill_id, row_number() OVER (PARTITION BY b.bill_id ORDER BY x.place),
           (%(codes)s::text[])[x.place], (%(texts)s::text[])[x.place], x.cents, '', ''
      FROM import_bill b, unnest(b.amounts) WITH ORDINALITY AS x (cents, place)
     WHERE x.cents <> 0 OR b.total_cents = 0;"""
