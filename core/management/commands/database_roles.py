"""Makes the app's and the read-only database role and gives them their rights; run by the owner after each migrate."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from core import roles

_COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables USING (table_name)
     WHERE columns.table_schema = 'public' AND tables.table_schema = 'public'
     ORDER BY table_name, ordinal_position"""


class Command(BaseCommand):
    help = (
        "Creates the app's and the read-only database role when they are missing (and the present role may), and gives "
        "them exactly their rights. Safe to run again; run it as the owner of the tables after each migrate. "
        "Names: DATABASE_APP_ROLE (hall_app), DATABASE_READONLY_ROLE (hall_readonly); passwords for roles that are "
        "created: DATABASE_APP_PASSWORD, DATABASE_READONLY_PASSWORD or …_FILE (none: set them yourself)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--app", default=os.environ.get("DATABASE_APP_ROLE", "hall_app"))
        parser.add_argument("--readonly", default=os.environ.get("DATABASE_READONLY_ROLE", "hall_readonly"))

    def handle(self, *, app: str, readonly: str, **options: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            # Two deployments at once would trip over each other's changes of the same catalogue rows.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('database_roles'))")
            for role, password in ((app, "DATABASE_APP_PASSWORD"), (readonly, "DATABASE_READONLY_PASSWORD")):
                self._ensure(cursor, role, _secret(password))
                self._refuse_powerful(cursor, role)
            self._grant(cursor, app, readonly)
        self.stdout.write(f"rights given to {app} and {readonly}")

    def _ensure(self, cursor: CursorWrapper, role: str, password: str) -> None:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if cursor.fetchone():
            return
        statement = f"CREATE ROLE {roles.quote(role)} {roles.POWERS}"
        cursor.execute("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
        if not cursor.fetchone()[0]:
            raise CommandError(
                f"role {role} is missing and may not be made from here. As an administrator: {statement};"
            )
        cursor.execute(
            f"{statement} PASSWORD %s" if password else statement, [password] if password else None
        )
        self.stdout.write(f"made role {role}" + ("" if password else ", which has no password yet"))

    def _refuse_powerful(self, cursor: CursorWrapper, role: str) -> None:
        """A role that owns a table, or may become somebody who does, could switch the laws off."""
        cursor.execute(
            """SELECT r.rolsuper OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls
                      OR EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                                  WHERE n.nspname = 'public' AND pg_has_role(r.oid, c.relowner, 'MEMBER'))
                 FROM pg_roles r WHERE r.rolname = %s""",
            [role],
        )
        if cursor.fetchone()[0]:
            raise CommandError(
                f"role {role} is too powerful: it must own nothing here and be no administrator"
            )

    def _grant(self, cursor: CursorWrapper, app: str, readonly: str) -> None:
        cursor.execute(_COLUMNS)
        columns = cursor.fetchall()
        secret = roles.hidden(settings.HIDDEN_FROM_READONLY)
        cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        for statement in roles.app_grants(
            app, sorted({table for table, _ in columns}), settings.APP_FUNCTIONS
        ):
            cursor.execute(statement)
        for statement in roles.readonly_grants(readonly, columns, secret):
            cursor.execute(statement)


def _secret(name: str) -> str:
    """The value of `name`, or the content of the file that `name`_FILE points to; "" without either."""
    path = os.environ.get(f"{name}_FILE")
    return os.environ.get(name) or (Path(path).read_text(encoding="utf-8").strip() if path else "")
