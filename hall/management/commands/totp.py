from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import second_factor
from accounts.models import User
from core import clock


class Command(BaseCommand):
    help = "Tells the code that a demo user's authenticator app shows now. Only where demo data is allowed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        if not getattr(settings, "ALLOW_DEMO_DATA", False):
            raise CommandError(
                "these settings allow no demo data (ALLOW_DEMO_DATA): codes are told to nobody"
            )
        user = User.objects.filter(username=options["username"]).first()
        code = second_factor.code_at(user, clock.now()) if user is not None else ""
        if not code:
            raise CommandError(f"{options['username']} has no authenticator app: log in and set one up")
        self.stdout.write(code)
