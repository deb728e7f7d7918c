"""Fills an empty database from a backup, as the owner of the tables, and proves that everything is there."""

import sys
from argparse import ArgumentParser
from getpass import getpass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from core import clock
from core.actor import Actor
from hall.upkeep import restoring, sealing
from hall.upkeep.tools import UpkeepError


class Command(BaseCommand):
    help = (
        "Fills the empty database of DATABASE_URL (the owner's address) from a backup, then compares rows, amounts, "
        "laws and ledgers with what the backup tells. Ends with 1 when it refused or anything differs. Afterwards: "
        "database_roles."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", help="of one backup")
        parser.add_argument("--database", help="another (empty) database on the same server")
        parser.add_argument(
            "--private-key", metavar="FILE", help="PEM, for a sealed backup; asks for its password"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["database"]:
            connection.close()
            connection.settings_dict["NAME"] = options["database"]
        key = _key(options["private_key"]) if options["private_key"] else None
        try:
            done = restoring.restore(
                Path(options["folder"]), key=key, actor=Actor.command("restore"), as_of=clock.now()
            )
        except UpkeepError as error:
            raise CommandError(str(error)) from error
        for problem in done.problems:
            self.stdout.write(problem)
        self.stdout.write(f"{done.rows} rows, {done.media_files} files, {len(done.problems)} differences")
        if done.older_by:
            self.stdout.write(f"{done.older_by} migrations behind: run migrate_safely, then check_ledgers")
        if done.problems:
            sys.exit(1)


def _key(name: str) -> Any:
    try:
        pem = Path(name).read_bytes()
        try:
            return sealing.private_key(pem)
        except TypeError:  # it has a password
            return sealing.private_key(pem, getpass("Password of the private key: ").encode())
    except (OSError, ValueError, TypeError) as error:
        raise CommandError(f"--private-key: {error}") from error
