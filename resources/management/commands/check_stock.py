from typing import Any

from django.core.management.base import BaseCommand, CommandError

from resources.services import stock_check


class Command(BaseCommand):
    help = "Proves that each level of the stock is the sum of its moves; ends with 1 when one is not."

    def handle(self, *args: Any, **options: Any) -> None:
        found = stock_check.differences()
        for each in found:
            self.stdout.write(str(each))
        if found:
            raise CommandError(f"{len(found)} differences")
        self.stdout.write("stock: every level is the sum of its moves")
