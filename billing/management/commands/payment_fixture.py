from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.services import fixtures
from core import clock


class Command(BaseCommand):
    help = "Creates the orders that a manifest of signed gateway messages names (test settings only)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("manifest", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            orders = fixtures.read(options["manifest"])
            for order in orders:
                payment = fixtures.create(order, as_of=clock.now())
                self.stdout.write(f"{payment.reference} {payment.gateway} {payment.state}")
        except (OSError, KeyError, ValueError) as error:
            raise CommandError(f"not a manifest: {error}") from error
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{len(orders)} orders")
