from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from core import clock
from hall.demo import build, front, held, logins, numbers, shelf, stores


class Command(BaseCommand):
    help = "Loads the demo: people, accounts and six months of bills. Safe to run again. Never in production."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--logins", action="store_true", help="load nothing, tell how to log in")

    def handle(self, *args: Any, **options: Any) -> None:
        if not getattr(settings, "ALLOW_DEMO_DATA", False):
            raise CommandError("these settings allow no demo data (ALLOW_DEMO_DATA): nothing was loaded")
        if options["logins"]:
            for line in logins.lines():
                self.stdout.write(line)
            return
        now = clock.now()
        new = build.everything(as_of=now)
        logins.ensure_staff(as_of=now)
        staff = User.objects.get(username=logins.STAFF)
        front.everything(staff, as_of=now)
        shelf.everything(staff, as_of=now)
        numbers.everything()
        stores.everything(as_of=now)
        held.everything(as_of=now)
        self.stdout.write(f"Demo data: {new['accounts']} new accounts, {new['bills']} new bills.")
