"""Files, profiles and runs for import tests."""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management import call_command

from accounts.models import BillingAccount, Customer
from core.imports import profiles
from core.imports.profiles import Profile
from core.imports.records import Record
from core.imports.rejects import Reject
from core.imports.rows import Row, read
from core.imports.runs import Counts, Job, Progress
from tests.conftest import NOON

Load = Callable[..., Iterator[Progress]]
BILL_HEADER = "账单号,户号,账期,出账日,缴费截止日,金额\n"
RECEIPT_HEADER = "交易号,户号,账单号,金额,支付时间\n"
ACCOUNT_HEADER = "户号,姓名,手机,地址,余额\n"


@dataclass
class Result:
    counts: Counts
    rejects: list[Reject]
    encoding: str

    @property
    def reasons(self) -> list[tuple[int, str, str]]:
        return [(reject.line, reject.column, reject.reason.code) for reject in self.rejects]


def load(service: Load, path: Path, *, profile: str = "boss", as_of: datetime = NOON, **job: Any) -> Result:
    """Runs the whole file; every row must be counted exactly once."""
    rejects: list[Reject] = []
    progress = None
    for progress in service(Job(path=path, **job), profile=profile, as_of=as_of):
        rejects.extend(progress.rejects)
    assert progress is not None
    counts = progress.counts
    ended = counts.created + counts.updated + counts.unchanged + counts.skipped
    assert counts.read == ended + counts.rejected + counts.failed
    assert len(rejects) == counts.rejected + counts.failed
    return Result(counts, rejects, progress.encoding)


def file(folder: Path, content: str | bytes, name: str = "export.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(text: str, **options: Any) -> list[Row | Reject]:
    return list(read(io.StringIO(text, newline=""), **options))


def cells(text: str, **options: Any) -> list[list[str]]:
    """The cells of a text that has no bad row."""
    found = rows(text, **options)
    assert all(isinstance(row, Row) for row in found)
    return [row.cells for row in found if isinstance(row, Row)]


def profile(folder: Path, text: str, kind: str, options: Any = None) -> Profile:
    return profiles.load(str(file(folder, text, "test.toml")), kind=kind, options=options or {})


def account(number: str) -> BillingAccount:
    customer = Customer.objects.create(number=number, name="张伟", created_at=NOON)
    return BillingAccount.objects.create(number=number, customer=customer, created_at=NOON)


def records(values: Sequence[Sequence[Any]]) -> list[Record]:
    return [Record(line, line, list(row)) for line, row in enumerate(values, start=2)]


def command(name: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and counts of a command run in this process."""
    out = io.StringIO()
    code: Any = 0
    try:
        call_command(name, *arguments, "--json", stdout=out)
    except SystemExit as ended:
        code = ended.code
    facts: dict[str, Any] = json.loads(out.getvalue())
    return code, facts
