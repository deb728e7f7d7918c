"""Migrations while customers are served: none waits for a lock so long that the pages queue up behind it.

A statement that changes a table wants it for itself. It waits for whoever reads the table now, and everybody who comes
later waits behind it: one long report, and the hall stands still. So each migration gives up after a short wait,
which undoes it, and is tried again later.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from hall.upkeep.tools import UpkeepError

_GIVE_WAY = {"55P03", "40P01"}  # no lock in time; deadlock
_TOO_LONG = "57014"  # the statement ran into its time limit
_LONGEST_PAUSE = 30.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Limits:
    lock_seconds: int
    statement_seconds: int
    tries: int

    @classmethod
    def of_settings(cls) -> "Limits":
        return cls(
            settings.MIGRATION_LOCK_SECONDS, settings.MIGRATION_STATEMENT_SECONDS, settings.MIGRATION_TRIES
        )


def pending() -> list[tuple[str, str]]:
    """The migrations of this code that the database has not had, in their order."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [(migration.app_label, migration.name) for migration, _backwards in plan]


def run(*, limits: Limits, say: Say) -> int:
    """Carries out what is pending, one by one; how many. Raises UpkeepError at the first that cannot be done now."""
    with _limited(limits):
        _alone()
        steps = pending()
        for app, name in steps:
            say(f"{app}.{name}")
            patiently(lambda app=app, name=name: _migrate(app, name), limits=limits, say=say)  # type: ignore[misc]
        # What follows migrations (rights, content types) is done by Django's own command, which finds nothing else.
        patiently(lambda: call_command("migrate", skip_checks=True, verbosity=0), limits=limits, say=say)
    return len(steps)


def patiently(work: Callable[[], object], *, limits: Limits, say: Say, pause: float = 1.0) -> None:
    """Does `work`, again and again when it got no lock in time; raises UpkeepError after `limits.tries`."""
    for number in range(1, limits.tries + 1):
        try:
            _drop_half_made_indexes()
            work()
            return
        except OperationalError as error:
            _judge(error, limits)
            say(f"  no lock within {limits.lock_seconds} s (try {number} of {limits.tries}); {_who_holds()}")
        if number < limits.tries:
            time.sleep(min(_LONGEST_PAUSE, pause * 2 ** (number - 1)) * random.uniform(0.5, 1.5))
    raise UpkeepError(
        "given up, and undone: somebody holds the table all the time. See who in docs/runbooks/migration-blocked.md"
    )


def _judge(error: OperationalError, limits: Limits) -> None:
    """Passes on what another try would not mend."""
    code = getattr(error.__cause__, "pgcode", None)
    if code == _TOO_LONG:
        raise UpkeepError(
            f"a statement ran for more than {limits.statement_seconds} s and was undone; if that is right for this "
            "migration, set HALL_MIGRATION_STATEMENT_SECONDS"
        ) from error
    if code not in _GIVE_WAY:
        raise error


def _migrate(app: str, name: str) -> None:
    MigrationExecutor(connection).migrate([(app, name)])


@contextmanager
def _limited(limits: Limits) -> Iterator[None]:
    """The limits belong to the session, so that they hold in each transaction, and after a lost connection too."""
    options = connection.settings_dict.setdefault("OPTIONS", {})
    before = options.get("options", "")
    options["options"] = (
        f"{before} -c lock_timeout={limits.lock_seconds}s -c statement_timeout={limits.statement_seconds}s"
    )
    connection.close()
    try:
        yield
    finally:
        options["options"] = before
        connection.close()


def _alone() -> None:
    """Held by the session until it ends; raises UpkeepError when another one migrates."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('hall.migrate'))")
        if not cursor.fetchone()[0]:
            raise UpkeepError("another migration is running")


def _who_holds() -> str:
    """The oldest transactions of others: one of them holds the lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT pid, coalesce(usename, ''), coalesce(state, ''), extract(epoch FROM now() - xact_start)::int
                 FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
                ORDER BY xact_start LIMIT 3"""
        )
        rows = cursor.fetchall()
    told = [f"process {pid} ({user}, {state}) for {age} s" for pid, user, state, age in rows]
    return "oldest transactions: " + (", ".join(told) or "none now")


def _drop_half_made_indexes() -> None:
    """CREATE INDEX CONCURRENTLY that failed leaves one that nobody uses and that stands in the way of the next try."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT format('%I', relname) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
                WHERE NOT indisvalid AND relnamespace = 'public'::regnamespace"""
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX IF EXISTS {name}")
