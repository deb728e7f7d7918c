"""Numbers from a list, a chunk at a time. What is there stays as it is; a row that says something else is rejected."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from accounts.models import Region
from core.imports import cells, profiles, rejects, runs
from core.imports.cells import Cell, Value
from core.imports.profiles import Profile
from core.imports.records import Field, Record
from core.imports.rejects import Reason, Refused, Reject
from core.imports.runs import Job, Outcome, Progress
from resources import rules
from resources.models import Number, NumberClass

KIND = "numbers"
OPTIONS: dict[str, type | tuple[type, ...]] = {}
NOT_DIGITS = Reason("NUMBER_NOT_DIGITS", _("号码只能是 3 到 15 位半角数字"))
UNKNOWN_CLASS = Reason("UNKNOWN_NUMBER_CLASS", _("没有这个号码等级代码"))
UNKNOWN_REGION = Reason("UNKNOWN_REGION", _("没有这个区域代码"))
_AT_ONCE = 2_000  # rows per statement


def digits() -> cells.Maker:
    """A number that can be dialled."""
    number = cells.number(15)

    def make(profile: Profile, name: str) -> Cell:
        text = number(profile, name)

        def cell(given: str) -> str:
            found = str(text(given))
            if not (found.isascii() and found.isdigit() and len(found) >= 3):
                raise Refused(NOT_DIGITS)
            return found

        return cell

    return make


FIELDS = (
    Field("digits", digits(), is_required=True),
    Field("number_class", cells.number(20), is_required=True),
    Field("region", cells.number(32), is_required=True),
)


class Given(NamedTuple):
    """What a row says."""

    line: int
    digits: str
    number_class: str
    region: str


def load(job: Job, *, profile: str, as_of: datetime) -> Iterator[Progress]:
    """Imports the file through the profile of this name or path; progress after each chunk. See `core.imports.runs`."""
    return runs.run(job, NumbersImporter(profiles.load(profile, kind=KIND, options=OPTIONS)))


class NumbersImporter:
    """See `core.imports.runs.Importer`."""

    name = KIND
    fields = FIELDS
    lane_field = "digits"

    def __init__(self, profile: Profile) -> None:
        self.profile = profile

    def finish(self, values: list[Value]) -> None:
        pass

    def prepare(self) -> None:
        pass

    def merge(self, records: Sequence[Record], *, dry_run: bool) -> Outcome:
        rows = [Given._make((record.line, *map(str, record.values))) for record in records]
        classes = dict(NumberClass.objects.values_list("code", "pk"))
        regions = dict(Region.objects.values_list("code", "pk"))
        known = _known(row.digits for row in rows)
        outcome, new = Outcome(), list[Number]()
        for row in rows:
            if reject := _wrong(row, classes, regions, known.get(row.digits)):
                outcome.rejects.append(reject)
            elif row.digits in known:
                outcome.unchanged += 1
            else:
                new.append(number(row.digits, classes[row.number_class], regions[row.region]))
        if not dry_run:
            add(new)
        outcome.created = len(new)
        return outcome


def number(digits: str, class_id: int, region_id: int) -> Number:
    """A number that can be chosen, not stored yet, with what the search finds it by."""
    return Number(digits=digits, number_class_id=class_id, region_id=region_id, marks=rules.marks(digits))


def add(rows: Sequence[Number]) -> None:
    """All of them are stored; none may be there already (IntegrityError)."""
    Number.objects.bulk_create(rows, batch_size=_AT_ONCE)


def _known(numbers: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Class and region of those that are there."""
    rows = Number.objects.filter(digits__in=list(numbers))
    return {
        found: (of_class, region)
        for found, of_class, region in rows.values_list("digits", "number_class__code", "region__code")
    }


def _wrong(
    row: Given, classes: dict[str, int], regions: dict[str, int], known: tuple[str, str] | None
) -> Reject | None:
    if row.number_class not in classes:
        return Reject(row.line, "number_class", UNKNOWN_CLASS, row.number_class)
    if row.region not in regions:
        return Reject(row.line, "region", UNKNOWN_REGION, row.region)
    if known is not None and known[0] != row.number_class:
        return Reject(row.line, "number_class", rejects.CHANGED, row.number_class)
    if known is not None and known[1] != row.region:
        return Reject(row.line, "region", rejects.CHANGED, row.region)
    return None
