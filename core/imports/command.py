"""What the three import commands share: options, progress, rejects, counts and exit codes.

Exit codes: 0 every row is in, 3 some rows were rejected (everything else is in), 1 the import could not run or the
database refused rows, 143 a signal ended it after a whole chunk (run it again to go on).
"""

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _
from tqdm import tqdm

from core import audit, batch, clock, heartbeats
from core.actor import Actor
from core.errors import HallError
from core.imports import encodings, profiles, runs, source, staging
from core.imports.errors import UnreadableFile
from core.imports.rejects import Reject, RejectFile
from core.imports.runs import Counts, Job, Progress

REJECTED, STOPPED = 3, 143
MANY_ROWS = 10_000  # new ones: from here on the planner is told what the tables hold now
SHOWN = 10  # rejects on the screen; --rejects has them all
ON_DEMAND = timedelta(days=3650)  # nobody complains when no file was imported for long


class ImportCommand(BaseCommand, ABC):
    """Subclasses say the kind and the service's `load`."""

    kind: ClassVar[str]
    tables: ClassVar[tuple[str, ...]] = ()  # those it fills with many rows

    @abstractmethod
    def load(self, job: Job, *, profile: str, as_of: datetime) -> Iterator[Progress]:
        """The service's generator for this kind of file."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="CSV, or CSV packed with gzip")
        parser.add_argument(
            "--profile",
            default="boss",
            metavar="NAME|PATH",
            help=f"how the file is written: {', '.join(profiles.names(self.kind))}, or a TOML file (default: boss)",
        )
        parser.add_argument("--dry-run", action="store_true", help="find out everything, change nothing")
        parser.add_argument("--rejects", type=Path, metavar="OUT.csv", help="write each rejected row and why")
        parser.add_argument("--encoding", default="", help="instead of the profile's, or of finding out")
        parser.add_argument("--limit", type=batch.positive, metavar="N", help="stop after so many rows")
        parser.add_argument(
            "--chunk", type=batch.positive, default=runs.CHUNK_ROWS, metavar="N", help="rows at once"
        )
        parser.add_argument(
            "--lanes", type=batch.positive, default=2, metavar="N", help="connections at work"
        )
        parser.add_argument(
            "--max-bytes",
            type=batch.positive,
            default=source.DEFAULT_MAX_BYTES,
            metavar="N",
            help="unpacked size",
        )
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="book as if it were then")

    def handle(self, *args: Any, **options: Any) -> None:
        as_of = options["as_of"] or clock.now()
        with batch.interruptible() as stop, batch.collecting_rarely():
            job = _job(options, stop)
            try:
                code = self._import(job, options, as_of)
            except (HallError, OperationalError, InterfaceError) as error:
                text = error.text if isinstance(error, HallError) else _database_away(error)
                raise CommandError(text) from error
        if code:
            sys.exit(code)

    def _import(self, job: Job, options: dict[str, Any], as_of: datetime) -> int:
        if job.dry_run:
            return self._run(job, options, as_of)[0]
        with heartbeats.beat(f"import_{self.kind}", every=ON_DEMAND, as_of=as_of) as beat:
            code, last = self._run(job, options, as_of)
            beat.detail.update(asdict(last.counts))
            beat.ok = code in (0, REJECTED)
        if last.counts.created > MANY_ROWS:
            staging.analyze(self.tables)
        audit.record(
            actor=Actor.command(f"import_{self.kind}"),
            action=f"import_{self.kind}",
            subject=("import", last.survey.sha256),
            as_of=as_of,
            detail={"profile": options["profile"], "exit": code, **asdict(last.counts)},
        )
        return code

    def _run(self, job: Job, options: dict[str, Any], as_of: datetime) -> tuple[int, Progress]:
        rejects: list[Reject] = []
        progress = self.load(job, profile=options["profile"], as_of=as_of)
        with _reject_file(options["rejects"], job.path) as out:
            last = next(progress)
            with tqdm(total=last.survey.lines, unit=_("行"), disable=None, file=sys.stderr) as bar:
                for last in progress:
                    bar.update(last.last_line - bar.n)
                    rejects.extend(last.rejects[: SHOWN - len(rejects)])
                    if out:
                        for reject in last.rejects:
                            out.write(reject)
        code = _exit_code(last.counts, stopped=job.stop())
        self._tell(last, rejects, options, code)
        return code, last

    def _tell(self, last: Progress, rejects: list[Reject], options: dict[str, Any], code: int) -> None:
        counts = last.counts
        if options["json"]:
            facts = {
                "encoding": last.encoding,
                "dry_run": options["dry_run"],
                "exit": code,
                "stopped": code == STOPPED,
                **asdict(counts),
            }
            self.stdout.write(json.dumps(facts))
            return
        for reject in rejects:  # the value may be personal: it is for the file only
            self.stdout.write(f"{reject.line}: {reject.column} {reject.reason.code} {reject.reason.text}")
        if (left := counts.rejected + counts.failed - len(rejects)) > 0:
            self.stdout.write(_("…… 另有 %(count)s 行，见 --rejects 指定的文件") % {"count": left})
        if code == STOPPED:
            self.stdout.write(
                _("收到停止信号，已完成到第 %(line)s 行；再次运行即可继续") % {"line": last.last_line}
            )
        if options["dry_run"]:
            self.stdout.write(_("试运行，未写入任何数据"))
        self.stdout.write(_summary() % asdict(counts))


def _summary() -> str:
    return _(
        "读取 %(read)s，新增 %(created)s，补全 %(updated)s，未变 %(unchanged)s，跳过 %(skipped)s，"
        "拒绝 %(rejected)s，失败 %(failed)s（空行 %(blank)s）"
    )


def _exit_code(counts: Counts, *, stopped: bool) -> int:
    if counts.failed:
        return 1
    if stopped:
        return STOPPED
    return REJECTED if counts.rejected else 0


def _job(options: dict[str, Any], stop: Callable[[], bool]) -> Job:
    if options["encoding"] and not encodings.known(options["encoding"]):
        raise CommandError(_("没有名为 %(name)s 的编码") % {"name": options["encoding"]})
    return Job(
        path=options["file"],
        encoding=options["encoding"],
        dry_run=options["dry_run"],
        limit=options["limit"],
        chunk_rows=options["chunk"],
        max_bytes=options["max_bytes"],
        lanes=options["lanes"],
        stop=stop,
    )


def _reject_file(path: Path | None, read: Path) -> Any:
    if path is None:
        return nullcontext()
    if path.exists() and read.exists() and path.samefile(read):
        raise UnreadableFile(why=f"--rejects {path}")
    return RejectFile(path)


def _database_away(error: Exception) -> str:
    why = str(error).strip().splitlines()
    return _("数据库中断：%(why)s。已完成的部分不会重复，恢复后再次运行即可") % {
        "why": why[0] if why else type(error).__name__
    }
