from typing import Any

from django.core.management.base import BaseCommand

from content import search


class Command(BaseCommand):
    help = "Puts everything public into the search anew, and takes out what is gone. Runs after each migrate, too."

    def handle(self, *args: Any, **options: Any) -> None:
        counts = search.rebuild()
        self.stdout.write(", ".join(f"{kind} {count}" for kind, count in counts.items()))
