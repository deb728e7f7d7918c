"""Customers, billing accounts and contact phones from another system's export, a chunk at a time.

What the hall already knows is never overwritten: an empty name, address, phone or opening date is filled in, and a row
that says something else than what is stored is rejected.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from accounts import locks, names, phones
from accounts.events import AccountsImported
from accounts.models import Region
from accounts.services.customers import LONGEST_NAME
from core import outbox
from core.imports import cells, profiles, rejects, runs, staging
from core.imports.cells import Cell, Value
from core.imports.profiles import Profile
from core.imports.records import Field, Record
from core.imports.rejects import Reason, Refused, Reject
from core.imports.runs import Job, Outcome, Progress
from core.imports.staging import Stage

KIND = "accounts"
OPTIONS: dict[str, type | tuple[type, ...]] = {}
UNKNOWN_REGION = Reason("UNKNOWN_REGION", _("没有这个区域代码"))
BAD_PHONE = Reason(phones.BadPhone.code, phones.BadPhone.message)
BAD_NAME = Reason(names.BadName.code, _("姓名为空、过长或含有特殊符号"))
NEW_STAGE = Stage(
    "import_new_account",
    {
        "line": "int",
        "number": "text",
        "customer": "text",
        "name": "text",
        "phone": "text",
        "address": "text",
        "region_id": "bigint",
        "opened_on": "date",
    },
)


def account_number() -> cells.Maker:
    return cells.number(32, inside="-")


def phone() -> cells.Maker:
    """A mobile number in E.164."""

    def cell(given: str) -> str:
        try:
            return phones.normalise(given)
        except phones.BadPhone:
            raise Refused(BAD_PHONE) from None

    return lambda profile, name: cell


def name() -> cells.Maker:
    """A name by the same rules as one that is typed in."""
    text = cells.text(LONGEST_NAME, line_breaks=True)

    def make(profile: Profile, field_name: str) -> Cell:
        visible = text(profile, field_name)

        def cell(given: str) -> str:
            try:
                return names.clean(str(visible(given)), longest=LONGEST_NAME)
            except names.BadName:
                raise Refused(BAD_NAME) from None

        return cell

    return make


def address() -> cells.Maker:
    return cells.text(300, line_breaks=True)


FIELDS = (
    Field("number", account_number(), is_required=True),
    Field("name", name(), is_required=True),
    Field("phone", phone()),
    Field("address", address()),
    Field("balance", cells.amount(), default=0),
    Field("customer", account_number()),
    Field("region", cells.text(20)),
    Field("opened_on", cells.day(), default=None),
)


class Given(NamedTuple):
    """What a row says of an account; the empty string and None say nothing."""

    line: int
    number: str
    name: str = ""
    phone: str = ""
    address: str = ""
    balance: int = 0
    customer: str = ""
    region: str = ""
    opened_on: str | None = None

    @property
    def customer_number(self) -> str:
        """An export without customers has one for each account, under the same number."""
        return self.customer or self.number


@dataclass(slots=True)
class Known:
    """What is stored of an account."""

    id: int
    customer_id: int
    customer: str
    name: str
    address: str
    region: str
    opened_on: date | None
    phones: list[str] = field(default_factory=list)


def load(job: Job, *, profile: str, as_of: datetime) -> Iterator[Progress]:
    """Imports the file through the profile of this name or path; progress after each chunk. See `core.imports.runs`."""
    found = profiles.load(profile, kind=KIND, options=OPTIONS)
    return runs.run(job, AccountsImporter(found, as_of=as_of))


class AccountsImporter:
    """See `core.imports.runs.Importer`."""

    name = KIND
    fields = FIELDS
    lane_field = None  # accounts may share a customer

    def __init__(self, profile: Profile, *, as_of: datetime) -> None:
        self.profile = profile
        self._as_of = as_of
        self._before = 0  # the highest account that was there when the run began

    def finish(self, values: list[Value]) -> None:
        pass

    def prepare(self) -> None:
        NEW_STAGE.create()
        self._before = staging.highest_id("accounts_billingaccount")

    def merge(self, records: Sequence[Record], *, dry_run: bool) -> Outcome:
        staging.prefer_lookups()
        rows = [Given._make((record.line, *record.values)) for record in records]
        plan = _Plan(rows, self._before)
        if not dry_run:
            create(plan.new, plan.regions, as_of=self._as_of)
            _fill(plan.fills, as_of=self._as_of)
            self._tell_balances(plan.new)
        return Outcome(len(plan.new), len(plan.fills), plan.unchanged, plan.rejects)

    def _tell_balances(self, rows: Sequence[Given]) -> None:
        opening: list[list[str | int]] = [[row.number, row.balance] for row in rows if row.balance]
        if opening:
            outbox.publish(
                AccountsImported(self.profile.source, opening, self._as_of.isoformat()), as_of=self._as_of
            )


class _Plan:
    """What is to be done with each row of a chunk, from facts that were read set-wise under the accounts' locks."""

    def __init__(self, rows: Sequence[Given], before: int) -> None:
        self.new: list[Given] = []
        self.fills: list[tuple[Known, Given]] = []
        self.unchanged = 0
        self.rejects: list[Reject] = []
        self.regions = dict(Region.objects.values_list("code", "id"))
        self._before = before
        self._known = _known([row.number for row in rows])
        self._names = _customer_names(sorted({row.customer_number for row in rows}))
        for row in rows:
            self._decide(row)

    def _decide(self, row: Given) -> None:
        known = self._known.get(row.number)
        if row.region and row.region not in self.regions:
            self._reject(row, "region", UNKNOWN_REGION, row.region)
        elif known is None:
            self._decide_new(row)
        elif different := _difference(known, row):
            reason = rejects.DUPLICATE if known.id > self._before else rejects.CHANGED
            self._reject(row, different, reason, "")
        elif _fills(known, row):
            self.fills.append((known, row))
        else:
            self.unchanged += 1

    def _decide_new(self, row: Given) -> None:
        name = self._names.setdefault(row.customer_number, row.name)
        if name and name != row.name:
            self._reject(row, "name", rejects.CHANGED, row.name)
        else:
            self.new.append(row)

    def _reject(self, row: Given, column: str, reason: Reason, value: str) -> None:
        self.rejects.append(Reject(row.line, column, reason, value))


def _difference(known: Known, row: Given) -> str:
    """The first field in which the row contradicts what is stored; "" when it does not."""
    pairs = {
        "name": (known.name, row.name),
        "phone": (row.phone if row.phone in known.phones else "".join(known.phones[:1]), row.phone),
        "address": (known.address, row.address),
        "customer": (known.customer, row.customer),
        "region": (known.region, row.region),
        "opened_on": (known.opened_on.isoformat() if known.opened_on else "", row.opened_on or ""),
    }
    return next((key for key, (old, new) in pairs.items() if old and new and old != new), "")


def _fills(known: Known, row: Given) -> bool:
    """Whether the row tells something that is not stored yet."""
    return bool(
        (row.name and not known.name)
        or (row.phone and not known.phones)
        or (row.address and not known.address)
        or (row.region and not known.region)
        or (row.opened_on and not known.opened_on)
    )


_KNOWN = """
    SELECT a.number, a.id, c.id, c.number, c.name, a.address, coalesce(r.code, ''), a.opened_on,
           ARRAY(SELECT value::text FROM accounts_contact k WHERE k.account_id = a.id AND k.kind = 'PHONE'
                  ORDER BY k.is_primary DESC, k.id)
      FROM accounts_billingaccount a
      JOIN accounts_customer c ON c.id = a.customer_id
      LEFT JOIN accounts_region r ON r.id = a.region_id
     WHERE a.id = ANY(%(ids)s)"""


def _known(numbers: Sequence[str]) -> dict[str, Known]:
    ids = list(locks.accounts(numbers).values())
    return {number: Known(*rest) for number, *rest in staging.query(_KNOWN, {"ids": ids})}


def _customer_names(numbers: Sequence[str]) -> dict[str, str]:
    sql = "SELECT number, name FROM accounts_customer WHERE number = ANY(%(numbers)s::text[])"
    rows = staging.query(sql, {"numbers": staging.array(numbers)})
    return {row[0]: row[1] for row in rows}


_CREATE = """
    INSERT INTO accounts_customer (number, kind, name, region_id, created_at)
    SELECT DISTINCT ON (customer) customer, 'PERSONAL', name, region_id, %(at)s
      FROM import_new_account ORDER BY customer, line
        ON CONFLICT (number) DO NOTHING;
    INSERT INTO accounts_billingaccount (number, customer_id, region_id, address, opened_on, created_at)
    SELECT s.number, c.id, s.region_id, s.address, s.opened_on, %(at)s
      FROM import_new_account s JOIN accounts_customer c ON c.number = s.customer
     ORDER BY s.number;
    INSERT INTO accounts_contact (account_id, kind, value, name, is_primary, verified_at, created_at)
    SELECT a.id, 'PHONE', s.phone, left(s.name, 60), true, NULL, %(at)s
      FROM import_new_account s JOIN accounts_billingaccount a ON a.number = s.number
     WHERE s.phone <> '' ORDER BY a.id;"""


def create(rows: Sequence[Given], regions: dict[str, int], *, as_of: datetime) -> None:
    """These accounts exist, with their customers and, where a phone is given, a primary contact nobody has proven yet.

    None of the accounts may exist before (IntegrityError). `NEW_STAGE` must have been created in this session.
    """
    if not rows:
        return
    NEW_STAGE.fill(
        (
            row.line,
            row.number,
            row.customer_number,
            row.name,
            row.phone,
            row.address,
            regions.get(row.region),
            row.opened_on,
        )
        for row in rows
    )
    staging.execute(_CREATE, {"at": as_of})


_FILL_CUSTOMER = "UPDATE accounts_customer SET name = %(name)s WHERE id = %(customer)s AND name = ''"
_FILL_ACCOUNT = """
    UPDATE accounts_billingaccount
       SET address = CASE WHEN address = '' THEN %(address)s ELSE address END,
           region_id = coalesce(region_id, (SELECT id FROM accounts_region WHERE code = %(region)s)),
           opened_on = coalesce(opened_on, %(opened_on)s)
     WHERE id = %(account)s"""
_FILL_PHONE = """
    INSERT INTO accounts_contact (account_id, kind, value, name, is_primary, verified_at, created_at)
    SELECT %(account)s, 'PHONE', %(phone)s, left(%(name)s, 60), true, NULL, %(at)s WHERE %(phone)s <> ''
        ON CONFLICT DO NOTHING"""


def _fill(fills: Sequence[tuple[Known, Given]], *, as_of: datetime) -> None:
    """Row by row: this happens once in the life of an account."""
    for known, row in fills:
        values: dict[str, Any] = {
            "account": known.id,
            "customer": known.customer_id,
            "name": row.name,
            "address": row.address,
            "region": row.region,
            "opened_on": row.opened_on,
            "phone": row.phone if not known.phones else "",
            "at": as_of,
        }
        staging.execute(f"{_FILL_CUSTOMER}; {_FILL_ACCOUNT}; {_FILL_PHONE}", values)
