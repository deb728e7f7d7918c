from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from content import seeds
from core import clock


class Command(BaseCommand):
    help = "Puts in the sections and help articles that a new hall begins with. What is there already stays as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--owner", required=True, metavar="USERNAME", help="who of the staff answers for them"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        owner = User.objects.filter(username=options["owner"], is_staff=True, is_active=True).first()
        if owner is None:
            raise CommandError(f"nobody of the staff is called {options['owner']}")
        new = seeds.install(owner_id=owner.pk, as_of=clock.now())
        self.stdout.write(f"{new['sections']} new sections, {new['articles']} new articles")
