"""One run: the file's rows in chunks, each merged in a transaction of its own, every row counted once."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol

from django.db import DataError, IntegrityError, transaction
from django.utils.translation import gettext as _

from core.db import violated
from core.imports import encodings, rejects, rows, source, staging
from core.imports.ahead import Ahead
from core.imports.cells import Value
from core.imports.errors import BadHeader
from core.imports.lanes import Lanes
from core.imports.profiles import Profile
from core.imports.records import Field, Parser, Record, Skipped, check_names
from core.imports.rejects import Reject
from core.imports.source import DEFAULT_MAX_BYTES, Source, Survey

CHUNK_ROWS = 20_000


@dataclass
class Counts:
    """read = created + updated + unchanged + skipped + rejected + failed; blank rows are not among those read."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0  # the profile does not want them
    rejected: int = 0
    failed: int = 0  # refused by the database itself: a fault of ours, not of the file
    blank: int = 0

    def add(self, other: "Counts") -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass
class Outcome:
    """What a room did with some records. In its rejects `column` is the field's name."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejects: list[Reject] = field(default_factory=list)


Merged = tuple[Outcome, list[Reject]]  # the latter: rows that the database itself refused


class Importer(Protocol):
    """What a room brings: the fields of a row, checks across them, and the merge. The first field is the row's key."""

    @property
    def profile(self) -> Profile: ...

    @property
    def fields(self) -> Sequence[Field]: ...

    @property
    def name(self) -> str:
        """Imports of the same name run one after the other."""

    @property
    def lane_field(self) -> str | None:
        """Records in which this field differs may be merged at the same time; None: no two may."""

    def finish(self, values: list[Value]) -> None:
        """Fills in what follows from other fields; raises Refused. Called in the reader's thread: no database."""

    def prepare(self) -> None:
        """Called once on each connection, before the first chunk."""

    def merge(self, records: Sequence[Record], *, dry_run: bool) -> Outcome:
        """Called in a transaction. With `dry_run` it only finds out and writes nothing. Keys differ within a call."""


@dataclass
class Chunk:
    """Rows that stand together in the file. `repeats` are copies of an earlier record of the chunk, with its line."""

    records: list[Record] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    repeats: list[tuple[Record, int]] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    last_line: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """Before the first chunk (`last_line` 0) and after each: the counts so far, this chunk's rejects in file order."""

    survey: Survey
    encoding: str
    counts: Counts
    rejects: list[Reject]
    last_line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to read and how. `encoding` overrides the profile's; `limit` is a number of rows; `stop` is asked between
    chunks; `lanes` connections share the work where the importer allows it."""

    path: Path
    encoding: str = ""
    dry_run: bool = False
    limit: int | None = None
    chunk_rows: int = CHUNK_ROWS
    max_bytes: int = DEFAULT_MAX_BYTES
    lanes: int = 2
    stop: Callable[[], bool] = lambda: False


def run(job: Job, importer: Importer) -> Iterator[Progress]:
    """Merges the file chunk by chunk and tells after each; memory holds two chunks, whatever the size of the file.

    Breaking off between two chunks, by `stop`, an error or `kill -9`, leaves whole chunks merged: run it again.
    Raises the errors of `core.imports.errors` before anything is merged.
    """
    check_names(importer.fields, importer.profile)
    with Source(job.path, max_bytes=job.max_bytes) as file:
        head = file.head()
        survey = file.survey()
        encoding = job.encoding or importer.profile.format.encoding
        if encoding == encodings.AUTO:
            encoding = encodings.detect(file, head, survey)
        parser, rows_left = _start(source.text(file, encoding), importer)
        yield Progress(survey, encoding, Counts(), [], 0)
        total = Counts()
        with (
            staging.alone(importer.name, give_up=job.stop),
            Lanes[Merged](job.lanes, place=_lane_place(importer), prepare=importer.prepare) as lanes,
            Ahead(_chunks(islice(rows_left, job.limit), parser, job.chunk_rows)) as chunks,
        ):
            for chunk in chunks:
                merged = lanes.map(partial(_merge, importer, job.dry_run), chunk.records)
                found = _complete(chunk, merged, parser)
                total.add(chunk.counts)
                yield Progress(survey, encoding, replace(total), found, chunk.last_line)
                if job.stop():
                    return


def _lane_place(importer: Importer) -> int | None:
    """Where a record's values hold the field by which lanes differ."""
    if importer.lane_field is None:
        return None
    return [field.name for field in importer.fields].index(importer.lane_field)


def _start(stream: io.TextIOWrapper, importer: Importer) -> tuple[Parser, Iterator[rows.Row | Reject]]:
    """The parser for this file's header, and the rows after it."""
    given = importer.profile.format
    items = rows.read(stream, delimiter=given.delimiter, quote=given.quote, skip_lines=given.skip_lines)
    header: list[str] | None = None
    if given.header:
        first = next((row for row in items if not _is_blank(row)), None)
        if not isinstance(first, rows.Row):
            raise BadHeader(why=first.reason.text if first else _("文件是空的"), found="-")
        header = first.cells
    return Parser(importer.fields, importer.profile, header, importer.finish), items


def _is_blank(row: rows.Row | Reject) -> bool:
    return isinstance(row, rows.Row) and not any(map(str.strip, row.cells))


def _chunks(items: Iterator[rows.Row | Reject], parser: Parser, size: int) -> Iterator[Chunk]:
    while True:
        chunk = _chunk(islice(items, size), parser)
        if not chunk.last_line:
            return
        yield chunk


def _chunk(items: Iterator[rows.Row | Reject], parser: Parser) -> Chunk:
    chunk, counts, first = Chunk(), Counts(), dict[Value, Record]()
    for item in items:
        chunk.last_line = (item.last_line or item.line) if isinstance(item, Reject) else item.last_line
        parsed = item if isinstance(item, Reject) else parser.parse(item)
        if isinstance(parsed, Skipped):
            counts.blank += parsed.is_blank
            counts.skipped += not parsed.is_blank
        elif isinstance(parsed, Reject):
            chunk.rejects.append(parsed)
        else:
            _take(parsed, chunk, first)
    counts.rejected = len(chunk.rejects)
    counts.read = counts.skipped + counts.rejected + len(chunk.records) + len(chunk.repeats)
    chunk.counts = counts
    return chunk


def _take(record: Record, chunk: Chunk, first: dict[Value, Record]) -> None:
    key = record.values[0]
    earlier = first.setdefault(key, record)
    if earlier is record:
        chunk.records.append(record)
    elif earlier.values == record.values:
        chunk.repeats.append((record, earlier.line))
    else:
        chunk.rejects.append(Reject(record.line, "", rejects.DUPLICATE, str(key), record.last_line))


def _complete(chunk: Chunk, merged: Sequence[Merged], parser: Parser) -> list[Reject]:
    """Completes the chunk's counts; returns its rejects in the order of the file."""
    last_lines = {record.line: record.last_line for record in chunk.records}
    refused = [
        replace(reject, column=parser.title(reject.column), last_line=last_lines[reject.line])
        for outcome, _failed in merged
        for reject in outcome.rejects
    ]
    failed = [reject for _outcome, rejected in merged for reject in rejected]
    by_line = {reject.line: reject for reject in [*refused, *failed]}
    counts = chunk.counts
    for outcome, _failed in merged:
        counts.add(Counts(created=outcome.created, updated=outcome.updated, unchanged=outcome.unchanged))
    for record, earlier in chunk.repeats:
        if earlier in by_line:
            refused.append(replace(by_line[earlier], line=record.line, last_line=record.last_line))
        else:
            counts.unchanged += 1
    counts.rejected += len(refused)
    counts.failed = len(failed)
    return sorted([*chunk.rejects, *refused, *failed], key=lambda reject: reject.line)


def _merge(importer: Importer, dry_run: bool, records: Sequence[Record]) -> Merged:
    """One transaction. When the database refuses it, both halves are tried, down to the row that it will not have."""
    if not records:
        return Outcome(), []
    try:
        with transaction.atomic():
            return importer.merge(records, dry_run=dry_run), []
    except (IntegrityError, DataError) as error:
        if len(records) == 1:
            return Outcome(), [_not_stored(records[0], error)]
    middle = len(records) // 2
    left, left_failed = _merge(importer, dry_run, records[:middle])
    right, right_failed = _merge(importer, dry_run, records[middle:])
    together = Outcome(
        left.created + right.created,
        left.updated + right.updated,
        left.unchanged + right.unchanged,
        left.rejects + right.rejects,
    )
    return together, left_failed + right_failed


def _not_stored(record: Record, error: Exception) -> Reject:
    return Reject(record.line, "", rejects.NOT_STORED, violated(error), record.last_line)
