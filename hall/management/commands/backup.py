"""Writes a backup, once or every day, or looks at those that are there."""

import time
from argparse import ArgumentParser
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connection

from core import batch, clock
from hall.upkeep import backups
from hall.upkeep.tools import UpkeepError

_NAP_SECONDS = 20.0


class Command(BaseCommand):
    help = (
        "Writes a backup of the database and the uploads into HALL_BACKUP_FOLDER, and removes those that are too old. "
        "Ends with 1 when it could not, or when --check finds a damaged one."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--folder", help="another folder than HALL_BACKUP_FOLDER")
        parser.add_argument(
            "--daily", metavar="HH:MM", help="stay, and write one every day at this time (Shanghai)"
        )
        parser.add_argument("--list", action="store_true", help="show what is there")
        parser.add_argument(
            "--check", action="store_true", help="compare the checksums of all that are there"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["folder"] or settings.BACKUP_FOLDER
        if not name:
            raise CommandError("set HALL_BACKUP_FOLDER or give --folder")
        folder = Path(name)
        if options["list"]:
            self._list(folder)
        elif options["check"]:
            self._check(folder)
        elif options["daily"]:
            self._daily(folder, _hour(options["daily"]))
        else:
            self._make(folder)

    def _make(self, folder: Path) -> None:
        try:
            backup = backups.make(folder, as_of=clock.now())
        except (UpkeepError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{backup.folder} {_size(backup.bytes)}")

    def _list(self, folder: Path) -> None:
        for backup in backups.listed(folder):
            self.stdout.write(f"{backup.folder} {_size(backup.bytes)}")

    def _check(self, folder: Path) -> None:
        found = backups.listed(folder)
        damaged = 0
        for backup in found:
            try:
                backups.checked(backup.folder)
                self.stdout.write(f"{backup.folder} whole")
            except UpkeepError as error:
                damaged += 1
                self.stderr.write(str(error))
        if damaged or not found:
            raise CommandError(f"{damaged} of {len(found)} backups are damaged")

    def _daily(self, folder: Path, at: time_of_day) -> None:
        """A failure is told and tried again the next day: the heartbeat stays behind, and the status page says so."""
        with batch.interruptible() as is_asked_to_stop:
            while not is_asked_to_stop():
                due = _next(at, clock.now())
                self.stdout.write(f"next backup at {due.isoformat()}")
                while clock.now() < due and not is_asked_to_stop():
                    time.sleep(_NAP_SECONDS)
                if not is_asked_to_stop():
                    self._make_and_go_on(folder)

    def _make_and_go_on(self, folder: Path) -> None:
        try:
            self._make(folder)
        except (CommandError, Error) as error:
            self.stderr.write(f"no backup: {error}")
        finally:
            connection.close()


def _hour(text: str) -> time_of_day:
    try:
        return time_of_day.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--daily wants HH:MM, not {text!r}") from error


def _next(at: time_of_day, now: datetime) -> datetime:
    today = datetime.combine(clock.local_date(now), at, tzinfo=clock.SHANGHAI)
    return today if today > now else today + timedelta(days=1)


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"
