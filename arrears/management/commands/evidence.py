from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

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
        parser.add_argument("--as-of", type=batch.instant, metavar="ISO", help="as if it were then")

    def handle(self, *args: Any, **options: Any) -> None:
        as_of = options["as_of"] or clock.now()
        wanted = {name: options[name] for name in ("json", "pdf") if options[name]} or {"json": None}
        with batch.refusing(), transaction.atomic():
            account = evidence_packs.by_number(options["account"])
            for form, file in wanted.items():
                made = evidence_handing.hand_out(
                    account_id=account.pk, form=form, actor=Actor.command("evidence"), as_of=as_of
                )
                if file is None:
                    self.stdout.write(made.decode())
                else:
                    file.write_bytes(made)
