from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from arrears import evidence_paper
from arrears.selectors import evidence_packs
from arrears.services import evidence_handing
from core import batch, clock
from core.actor import Actor


class Command(BaseCommand):
    help = "The evidence pack of an account: everything that it was told, that was decided, and that it paid."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", metavar="ACCOUNT")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the pack there")
        parser.add_argument("--pdf", type=Path, metavar="FILE", help="write it there, to be read")
        parser.add_argument(
            "--out", type=Path, metavar="FOLDER", help="write both there, as evidence-ACCOUNT.json and .pdf"
        )
        parser.add_argument("--language", default=evidence_paper.LANGUAGE, choices=dict(settings.LANGUAGES))
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")

    def handle(self, *args: Any, **options: Any) -> None:
        as_of = options["as_of"] or clock.now()
        with batch.refusing(), transaction.atomic():
            account = evidence_packs.by_number(options["account"])
            for form, file in _wanted(options, account.number).items():
                made = evidence_handing.hand_out(
                    account_id=account.pk,
                    form=form,
                    actor=Actor.command("evidence"),
                    as_of=as_of,
                    language=options["language"],
                )
                if file is None:
                    self.stdout.write(made.decode())
                else:
                    _write(file, made)


def _wanted(options: dict[str, Any], number: str) -> dict[str, Path | None]:
    """Which forms go where; without any, JSON to the terminal."""
    found: dict[str, Path | None] = {name: options[name] for name in ("json", "pdf") if options[name]}
    if folder := options["out"]:
        found |= {form: folder / f"evidence-{number}.{form}" for form in ("json", "pdf")}
    return found or {"json": None}


def _write(file: Path, made: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(made)
    except OSError as error:
        raise CommandError(f"UNWRITABLE: {error}") from error
