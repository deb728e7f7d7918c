"""What customers hold, from another system's export, a chunk at a time: one row may tell of several holdings.

A holding is known by (source, account and offer). The same again changes nothing; another beginning under the same key
is rejected. What is imported is on already: nothing is switched, nobody is told, and months that the other system has
billed are not charged again, because the first bill run begins after it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.services import bulk_accounts
from billing.services.bulk.bulk_reasons import UNKNOWN_ACCOUNT
from catalog.choices import Charge
from catalog.holdings import rules
from catalog.holdings.selectors import payers
from catalog.offers.models import Offer, ProductType
from catalog.offers.services import prices
from catalog.pricing.days import add_months
from core import clock, money
from core.imports import cells, profiles, rejects, runs, staging
from core.imports.cells import Cell, Maker, Value
from core.imports.profiles import Profile
from core.imports.records import Field, Record
from core.imports.rejects import Reason, Refused, Reject
from core.imports.runs import Job, Outcome, Progress
from core.imports.staging import Stage

KIND = "holdings"
OPTIONS: dict[str, type | tuple[type, ...]] = {
    "services": list,  # what a row tells of: {offer, name, column, values, fee}
    "contracts": dict,  # the words of `contract`, with the months that they bind for
    "snapshot_on": str,  # the day on which the file was true; without it, the day of the import
    "type": str,  # the product type of offers that the hall does not know yet
    "month_tolerance": str,  # yuan, see `months_check`
}
_SERVICE_KEYS = {"offer", "name", "column", "values", "fee"}
_LONG_AGO = date(2000, 1, 1)  # since when the fees of an unknown past have held
UNKNOWN_OFFER = Reason("UNKNOWN_OFFER", _("没有这个产品，配置中也没有写明费用"))
UNKNOWN_CONTRACT = Reason("UNKNOWN_CONTRACT", _("配置中没有这种合约"))
BAD_MONTHS = Reason("BAD_MONTHS", _("月数应为 0 到 999 的整数"))
NO_BEGINNING = Reason("NO_BEGINNING", _("既没有开通日，也没有在网月数"))


def _months() -> Maker:
    def cell(given: str) -> int:
        if not (given.isascii() and given.isdigit() and len(given) <= 3):
            raise Refused(BAD_MONTHS)
        return int(given)

    return lambda profile, name: cell


def _contract() -> Maker:
    """The months for which the word binds."""

    def make(profile: Profile, name: str) -> Cell:
        words: dict[str, int] = profile.options.get("contracts", {})

        def cell(given: str) -> int:
            if given not in words:
                raise Refused(UNKNOWN_CONTRACT)
            return words[given]

        return cell

    return make


FIELDS = (
    Field("account", bulk_accounts.account_number(), is_required=True),
    Field("begins_on", cells.day(), default=None),
    Field("tenure_months", _months(), default=None),
    Field("contract", _contract(), default=0),
    Field("month_total", cells.amount(), default=None),
)
STAGE = Stage(
    "import_holding",
    {
        "account_id": "bigint",
        "payer_id": "bigint",
        "offer_id": "bigint",
        "begins_on": "date",
        "committed_until": "date",
        "source_number": "text",
    },
)


@dataclass(frozen=True, slots=True)
class Service:
    """A column that tells whether something is held."""

    offer: str
    name: str
    column: str
    values: frozenset[str]
    fee_cents: int | None  # None: only offers that the hall knows


class Given(NamedTuple):
    """What a row says: since when, bound for how long, and which offers."""

    line: int
    account: str
    begins_on: date
    committed_until: date | None
    offers: tuple[str, ...]
    month_total: int | None = None


def load(job: Job, *, profile: str, as_of: datetime) -> Iterator[Progress]:
    """Imports the file through the profile of this name or path; progress after each chunk. See `core.imports.runs`."""
    found = profiles.load(profile, kind=KIND, options=OPTIONS)
    importer = HoldingsImporter(found, as_of=as_of)
    if not job.dry_run:
        importer.make_offers()
    return runs.run(job, importer)


class Reader:
    """Rows into `Given`, by the columns that the profile's services name."""

    lane_field: str | None = "account"

    def __init__(self, profile: Profile, *, as_of: datetime) -> None:
        self.services = _services(profile)
        named = {f"service {place}": each for place, each in enumerate(self.services, start=1)}
        columns = {**profile.columns, **{key: each.column for key, each in named.items()}}
        self.profile = replace(profile, columns=columns)
        self.fields = [*FIELDS, *(Field(key, cells.text(60)) for key in named)]
        self.snapshot_on = _snapshot(profile, as_of)

    def finish(self, values: list[Value]) -> None:
        if values[1] is None and values[2] is None:
            raise Refused(NO_BEGINNING, "tenure_months")

    def given(self, record: Record) -> Given:
        account, begins, tenure, months, total, *told = record.values
        begins_on = (
            date.fromisoformat(str(begins))
            if begins is not None
            else add_months(rules.month_start(self.snapshot_on), -int(tenure or 0))
        )
        offers = [each.offer for each, word in zip(self.services, told, strict=True) if word in each.values]
        committed = committed_until(begins_on, int(months or 0), self.snapshot_on)
        return Given(
            record.line,
            str(account),
            begins_on,
            committed,
            tuple(offers),
            None if total is None else int(total),
        )


class HoldingsImporter(Reader):
    """See `core.imports.runs.Importer`."""

    def __init__(self, profile: Profile, *, as_of: datetime) -> None:
        super().__init__(profile, as_of=as_of)
        self.name = f"{KIND}:{profile.source}"
        self._as_of = as_of
        self._offers: dict[str, int] = {}

    def make_offers(self) -> None:
        """Offers of the profile that the hall does not know become drafts with their fees: somebody publishes them."""
        known = set(Offer.objects.values_list("code", flat=True))
        for each in self.services:
            if each.offer not in known and each.fee_cents is not None:
                _make_offer(each, str(self.profile.options.get("type", "imported")), self._as_of)

    def prepare(self) -> None:
        STAGE.create()
        codes = [each.offer for each in self.services]
        self._offers = dict(Offer.objects.filter(code__in=codes).values_list("code", "pk"))

    def merge(self, records: Sequence[Record], *, dry_run: bool) -> Outcome:
        staging.prefer_lookups()
        rows = [self.given(record) for record in records]
        accounts = account_locks.accounts([row.account for row in rows])
        known = _known(self.profile.source, list(accounts.values()))
        outcome, new = Outcome(), list[tuple[Given, str]]()
        for row in rows:
            found = self._new(row, accounts, known, outcome, dry_run=dry_run)
            new += [(row, offer) for offer in found]
        if new and not dry_run:
            self._write(new, accounts)
        return outcome

    def _new(
        self,
        row: Given,
        accounts: Mapping[str, int],
        known: Mapping[str, date],
        outcome: Outcome,
        *,
        dry_run: bool,
    ) -> list[str]:
        """The offers of the row that are not held yet; the row itself is counted or rejected."""
        if row.account not in accounts:
            outcome.rejects.append(Reject(row.line, "account", UNKNOWN_ACCOUNT, row.account))
            return []
        lacking = [
            offer for offer in row.offers if offer not in self._offers and not self._comes(offer, dry_run)
        ]
        if lacking:
            outcome.rejects.append(Reject(row.line, "", UNKNOWN_OFFER, lacking[0]))
            return []
        begun = [known.get(_key(row.account, offer)) for offer in row.offers]
        if any(day not in (None, row.begins_on) for day in begun):
            outcome.rejects.append(Reject(row.line, "begins_on", rejects.CHANGED, row.account))
            return []
        found = [offer for offer, day in zip(row.offers, begun, strict=True) if day is None]
        outcome.created += bool(found)
        outcome.unchanged += not found
        return found

    def _comes(self, offer: str, dry_run: bool) -> bool:
        """Whether a real run would make the offer first."""
        return dry_run and any(each.offer == offer and each.fee_cents is not None for each in self.services)

    def _write(self, new: Sequence[tuple[Given, str]], accounts: Mapping[str, int]) -> None:
        today = clock.local_date(self._as_of)
        paying = payers.of_accounts([accounts[row.account] for row, _offer in new], on=today)
        STAGE.fill(
            (
                accounts[row.account],
                paying[accounts[row.account]],
                self._offers[offer],
                row.begins_on.isoformat(),
                row.committed_until.isoformat() if row.committed_until else None,
                _key(row.account, offer),
            )
            for row, offer in new
        )
        values: dict[str, Any] = {
            "prefix": f"U{today:%Y%m%d}",
            "source": self.profile.source,
            "at": self._as_of,
            "actor": f"command:import_{KIND}",
        }
        staging.execute(_WRITE, values)


def committed_until(begins_on: date, months: int, snapshot_on: date) -> date | None:
    """The end of the term that runs on that day, term after term from the beginning; None without a term."""
    if not months:
        return None
    terms = 1
    while (ends := add_months(begins_on, terms * months)) <= snapshot_on:
        terms += 1
    return ends


def _key(account: str, offer: str) -> str:
    return f"{account}:{offer}"


def _known(source: str, account_ids: Sequence[int]) -> dict[str, date]:
    sql = """SELECT source_number, begins_on FROM catalog_subscription
              WHERE account_id = ANY(%(ids)s) AND source = %(source)s AND source_number <> ''"""
    return dict(staging.query(sql, {"source": source, "ids": list(account_ids)}))


def _make_offer(service: Service, type_code: str, as_of: datetime) -> None:
    kind, _is_new = ProductType.objects.get_or_create(code=type_code, defaults={"name": type_code})
    offer = Offer.objects.create(
        code=service.offer, name=service.name, type=kind, active_from=_LONG_AGO, most_per_account=1
    )
    prices.add(
        offer_id=offer.pk,
        charge=Charge.PERIOD,
        amounts_cents=[service.fee_cents or 0],
        active_from=_LONG_AGO,
        as_of=as_of,
    )


def _snapshot(profile: Profile, as_of: datetime) -> date:
    text = profile.options.get("snapshot_on")
    if text is None:
        return clock.local_date(as_of)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise profile.wrong(
            "snapshot_on", f"snapshot_on must be a day such as 2026-11-01: {text!r}"
        ) from error


def _services(profile: Profile) -> list[Service]:
    found: list[Service] = []
    for item in profile.options.get("services", []):
        if not isinstance(item, dict) or not _SERVICE_KEYS - {"fee"} <= set(item) <= _SERVICE_KEYS:
            raise profile.wrong("services", f"services: each has {', '.join(sorted(_SERVICE_KEYS))}")
        words = item["values"]
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise profile.wrong("services", "services: values must be a list of texts")
        try:
            fee = money.parse_yuan(item["fee"]) if "fee" in item else None
        except money.BadAmount as error:
            raise profile.wrong("services", f"services: fee {item['fee']!r} is no amount") from error
        found.append(Service(item["offer"], item["name"], item["column"], frozenset(words), fee))
    if not found:
        raise profile.wrong(KIND, "services: at least one column must tell what is held")
    return found


_WRITE = """
    WITH new AS (
        INSERT INTO catalog_subscription (number, account_id, payer_id, offer_id, state, begins_on, committed_until,
                                          service_number, address, source, source_number, created_at)
        SELECT %(prefix)s || lpad(nextval('subscription_number')::text, 10, '0'), account_id, payer_id, offer_id,
               'ACTIVE', begins_on, committed_until, '', '', %(source)s, source_number, %(at)s
          FROM import_holding ORDER BY account_id, source_number
        RETURNING id, begins_on)
    INSERT INTO catalog_subscriptionhistory (subscription_id, from_state, to_state, begins_on, ends_on, actor, reason,
                                             at)
    SELECT id, '', 'ACTIVE', begins_on, NULL, %(actor)s, '', %(at)s FROM new ORDER BY id"""
