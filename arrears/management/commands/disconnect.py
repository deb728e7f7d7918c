from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from arrears.management import batch_command
from arrears.services import plans
from core import batch
from core.actor import Actor


class Command(BaseCommand):
    help = (
        "Cuts lines for arrears. First --dry-run --out FILE: a plan that two people approve on the staff pages; "
        "then --plan FILE. Safe to run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--dry-run", action="store_true", help="make a plan, cut nothing")
        what.add_argument("--plan", type=Path, metavar="FILE", help="carry out the plan of this file")
        parser.add_argument("--out", type=Path, metavar="FILE", help="where the plan is written (--dry-run)")
        by = "who makes the plan (the name of a member of staff): he cannot approve it"
        parser.add_argument("--by", default="", metavar="USER", help=by)
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")
        parser.add_argument("--limit", type=batch.positive, metavar="N", help="look at so many lines")
        parser.add_argument("--cap", type=batch.positive, default=plans.CAP, metavar="N", help="cut at most")
        parser.add_argument("--confirm", action="store_true", help=f"a --cap above {plans.CAP} is meant")
        batch.add_region(parser)
        parser.add_argument(
            "--account", default="", metavar="NUMBER", help="only lines that this account pays for"
        )
        one = "only this line (the number of its subscription); may be said again"
        parser.add_argument("--line", action="append", default=[], metavar="NUMBER", help=one)
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        options["as_of"] = batch.written_at(options["as_of"], job="disconnect")  # a plan is written, too
        with batch.refusing():
            if options["dry_run"]:
                self._make(options)
            else:
                self._run(options)

    def _make(self, options: dict[str, Any]) -> None:
        if options["out"] is None:
            raise CommandError(_("须用 --out 指明计划写到哪个文件"))
        if options["cap"] > plans.CAP and not options["confirm"]:
            raise CommandError(_("上限超过 %(cap)s 须加 --confirm") % {"cap": plans.CAP})
        if not options["by"]:
            raise CommandError(_("须用 --by 指明由谁制定计划：制定人不能批准它"))
        wanted = plans.Wanted(
            region=options["region"],
            account=options["account"],
            numbers=tuple(options["line"]),
            limit=options["limit"],
            cap=options["cap"],
        )
        with _new_file(options["out"]) as out:
            maker = plans.maker(options["by"], options["region"])
            made = plans.make(wanted, made_by_id=maker, as_of=options["as_of"])
            out.write(made.file)
        self.stdout.write(f"{made.plan.number}: to cut {made.to_cut}, refused {made.refused}")

    def _run(self, options: dict[str, Any]) -> None:
        if any(options[name] for name in ("out", "by", "limit", "region", "account", "line")):
            raise CommandError(_("执行计划时不能再缩小范围：计划里有什么就拆什么"))
        plan = plans.of_file(_content(options["plan"]))
        with batch.interruptible() as stop:
            actor = Actor.command("disconnect")
            job = plans.Job(plan_id=plan.pk, as_of=options["as_of"], actor=actor, stop=stop)
            batch_command.carry_out(self, plans.run(job), " lines", as_json=options["json"])


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """Nobody's plan is written over, and no empty file stays where no plan was made."""
    try:
        out = path.open("xb")
    except OSError as error:
        raise CommandError(
            _("写不了文件 %(file)s：%(why)s") % {"file": path, "why": error.strerror}
        ) from error
    try:
        with out:
            yield out
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(
            _("读不了文件 %(file)s：%(why)s") % {"file": path, "why": error.strerror}
        ) from error
