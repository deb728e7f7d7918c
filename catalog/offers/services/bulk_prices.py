"""Price lists from elsewhere, as drafts: an offer for each item and place, a price for each year.

Nothing of it is sold: a person gives it an owner, checks what it says, and publishes it. A price that the hall knows
already is left as it is; a different one for the same day is rejected.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Region
from catalog.choices import Charge, Cycle
from catalog.offers.models import Offer, ProductType
from catalog.offers.prices import Price
from catalog.offers.services import prices
from core.errors import HallError
from core.imports import cells, profiles, rejects, runs
from core.imports.cells import Cell, Maker, Value
from core.imports.profiles import Profile
from core.imports.records import Field, Record
from core.imports.rejects import Reason, Refused, Reject
from core.imports.runs import Job, Outcome, Progress

KIND = "prices"
OPTIONS: dict[str, type | tuple[type, ...]] = {
    "year": int,
    "types": dict,
    "other_type": str,
    "terms": dict,
    "once": list,
    "pauses": list,
    "unknown_regions": str,
}
UNKNOWN_REGION = Reason("UNKNOWN_REGION", _("没有这个区域"))
BAD_YEAR = Reason("BAD_YEAR", _("年份应写成四位数字"))
PUBLISHED = Reason("PRICE_PUBLISHED", _("这个产品已经发布，新价格请在价格表中写"))
REFUSED = Reason("PRICE_REFUSED", _("价格没有被接受"))
ANYWHERE = "anywhere"


def year() -> Maker:
    def cell(given: str) -> str:
        if not (given.isascii() and given.isdigit() and len(given) == 4 and "1980" <= given <= "2199"):
            raise Refused(BAD_YEAR)
        return given

    return lambda profile, name: cell


def _words(longest: int) -> Maker:
    text = cells.text(longest, line_breaks=True)

    def make(profile: Profile, name: str) -> Cell:
        return text(profile, name)

    return make


FIELDS = (
    Field("code", cells.number(40)),  # where the list has none, it follows from item and place
    Field("name", _words(80), is_required=True),
    Field("amount", cells.amount(), is_required=True),
    Field("region", _words(60)),
    Field("year", year()),
    Field("unit", _words(40)),
    Field("note", _words(500)),
    Field("basis", _words(300)),
)


class Given(NamedTuple):
    """What a row says. `key` is the offer's code and the year, which makes the row the only one."""

    line: int
    key: str
    name: str
    amount: int
    region: str
    year: str
    unit: str
    note: str
    basis: str

    @property
    def code(self) -> str:
        return self.key.rpartition("@")[0]

    @property
    def begins_on(self) -> date:
        return date(int(self.year), 1, 1)


def load(job: Job, *, profile: str, as_of: datetime) -> Iterator[Progress]:
    """Imports the file through the profile of this name or path; progress after each chunk. See `core.imports.runs`."""
    found = profiles.load(profile, kind=KIND, options=OPTIONS)
    return runs.run(job, PricesImporter(found, as_of=as_of))


class PricesImporter:
    """See `core.imports.runs.Importer`."""

    name = KIND
    fields = FIELDS
    lane_field = None  # several rows may be versions of one price

    def __init__(self, profile: Profile, *, as_of: datetime) -> None:
        self.profile = profile
        self._as_of = as_of
        self._year = str(profile.options.get("year", as_of.year))

    def finish(self, values: list[Value]) -> None:
        """The year where none is named, and the key: the same item in the same place and year is the same row."""
        code, name, region = (str(values[place] or "") for place in (0, 1, 3))
        if not values[4]:
            values[4] = self._year
        if not code:
            told = "\x1f".join((self.profile.source, name, region))
            code = f"{self.profile.source[:20]}-{hashlib.sha256(told.encode()).hexdigest()[:10]}"
        values[0] = f"{code}@{values[4]}"

    def prepare(self) -> None:
        pass

    def merge(self, records: Sequence[Record], *, dry_run: bool) -> Outcome:
        rows = sorted(
            (Given._make((record.line, *record.values)) for record in records), key=lambda row: row.year
        )
        outcome = Outcome()
        book = _Book(self.profile.options, rows)
        for row in rows:
            self._take(row, book, outcome, dry_run)
        return outcome

    def _take(self, row: Given, book: "_Book", outcome: Outcome, dry_run: bool) -> None:
        region = book.regions.get(row.region)
        if row.region and region is None and book.rejects_strangers:
            outcome.rejects.append(Reject(row.line, "region", UNKNOWN_REGION, row.region))
            return
        known = book.known.get((row.code, row.begins_on))
        if known is not None:
            if known == [row.amount]:
                outcome.unchanged += 1
            else:
                outcome.rejects.append(Reject(row.line, "amount", rejects.CHANGED, str(row.amount)))
            return
        if row.code in book.published:
            outcome.rejects.append(Reject(row.line, "name", PUBLISHED, row.code))
            return
        if not dry_run:
            try:
                _write(row, book, region, self._as_of)
            except HallError as error:
                outcome.rejects.append(Reject(row.line, "amount", REFUSED, error.code))
                return
        outcome.created += 1


class _Book:
    """What is known before a chunk, and what the profile says of words."""

    def __init__(self, options: Mapping[str, object], rows: Sequence[Given]) -> None:
        codes = {row.code for row in rows}
        self.rejects_strangers = options.get("unknown_regions", "reject") != ANYWHERE
        self.regions = dict(Region.objects.values_list("name", "pk"))
        self.regions |= dict(Region.objects.values_list("code", "pk"))
        self.known = {
            (price.offer.code, price.active_from): price.amounts_cents
            for price in Price.objects.filter(offer__code__in=codes, withdrawn_at=None).select_related(
                "offer"
            )
        }
        self.published = set(
            Offer.objects.filter(code__in=codes, published_at__isnull=False).values_list("code", flat=True)
        )
        self._options = options

    def type_of(self, row: Given) -> ProductType:
        """By the first word of the profile that stands in the item; a type that is not there yet has no flow."""
        types: dict[str, str] = dict(self._options.get("types", {}))  # type: ignore[call-overload]  # a TOML table
        other = str(self._options.get("other_type", "basic"))
        code = next((code for word, code in types.items() if word in row.name), other)
        return ProductType.objects.get_or_create(code=code, defaults={"name": code})[0]

    def months_of(self, row: Given) -> int:
        """For how many months it is paid ahead; 0: month by month."""
        terms: dict[str, int] = dict(self._options.get("terms", {}))  # type: ignore[call-overload]  # a TOML table
        return next((months for unit, months in terms.items() if row.unit.startswith(unit)), 0)

    def is_once(self, row: Given) -> bool:
        return row.unit in self._list("once")

    def is_pause(self, row: Given) -> bool:
        return any(word in row.name for word in self._list("pauses"))

    def _list(self, name: str) -> list[str]:
        found = self._options.get(name, [])
        return list(found) if isinstance(found, list) else []


def _write(row: Given, book: _Book, region_id: int | None, as_of: datetime) -> None:
    offer = Offer.objects.filter(code=row.code).first() or _draft(row, book, region_id)
    charge = Charge.ONCE if offer.cycle == Cycle.ONCE else Charge.PERIOD
    prices.add(
        offer_id=offer.pk,
        charge=Charge.PAUSE if book.is_pause(row) else charge,
        amounts_cents=[row.amount],
        region_id=region_id,
        active_from=row.begins_on,
        source=row.basis[:120],
        as_of=as_of,
    )


def _draft(row: Given, book: _Book, region_id: int | None) -> Offer:
    months = 0 if book.is_pause(row) else book.months_of(row)
    cycle = Cycle.ONCE if book.is_once(row) else Cycle.TERM if months else Cycle.MONTHLY
    place = "" if region_id or not row.region else f"（{row.region}）"
    told = [row.note]
    if row.unit:
        told.append(gettext("计费单位：%(unit)s") % {"unit": row.unit})
    if place:
        told.append(gettext("适用地区：%(place)s") % {"place": row.region})
    offer = Offer.objects.create(
        code=row.code,
        type=book.type_of(row),
        name=f"{row.name}{place}"[:80],
        conditions="\n".join(part for part in told if part),
        cycle=cycle,
        term_months=months,
        active_from=row.begins_on,
    )
    if region_id:
        offer.regions.add(region_id)
    return offer
