"""What the app's role and the read-only role may not do, tried on a connection of their own."""

import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import BooleanField

from core import roles
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.models import AuditRow, CalendarDay, OutboxRow
from tests.core.sql import CHECK, DENIED, Session, primary_key, session
from tests.core.test_laws import LAWS, another_value, change, refused_by, step, under

PASSWORD = secrets.token_hex(12)
TABLES = sorted({model._meta.db_table for model in apps.get_models(include_auto_created=True)})


def role_names() -> tuple[str, str]:
    database = connection.settings_dict[
        "NAME"
    ]  # roles belong to the whole cluster: each test database has its own
    return f"{database}_app", f"{database}_readonly"


@pytest.fixture(scope="module")
def made_roles(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[str, str]]:
    patch = pytest.MonkeyPatch()
    patch.setenv("DATABASE_APP_PASSWORD", PASSWORD)
    patch.setenv("DATABASE_READONLY_PASSWORD", PASSWORD)
    app, readonly = role_names()
    with django_db_blocker.unblock():
        drop(app, readonly)
        call_command("database_roles", app=app, readonly=readonly, verbosity=0)
        yield app, readonly
        drop(app, readonly)
    patch.undo()


def drop(*names: str) -> None:
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
            if cursor.fetchone():
                cursor.execute(f"DROP OWNED BY {roles.quote(name)}")
                cursor.execute(f"DROP ROLE {roles.quote(name)}")


@pytest.fixture
def app(made_roles: tuple[str, str]) -> Iterator[Session]:
    with session(made_roles[0], PASSWORD) as opened:
        yield opened


@pytest.fixture
def readonly(made_roles: tuple[str, str]) -> Iterator[Session]:
    with session(made_roles[1], PASSWORD) as opened:
        opened.run(
            "SET TRANSACTION READ WRITE"
        )  # the setting of the role is a courtesy; the rights must hold alone
        yield opened


def denied(who: Session, sql: str) -> None:
    refusal = who.refusal(sql)
    assert refusal is not None, f"was allowed: {sql}"
    assert refusal.code == DENIED, f"{sql}: {refusal.text}"


@pytest.mark.parametrize("table", TABLES)
def test_the_app_changes_no_table(app: Session, table: str) -> None:
    for sql in (
        "TRUNCATE {}",
        "DROP TABLE {}",
        "ALTER TABLE {} ADD COLUMN x int",
        "ALTER TABLE {} DISABLE TRIGGER ALL",
        "ALTER TABLE {} RENAME TO x",
        "ALTER TABLE {} OWNER TO CURRENT_USER",
        "CREATE INDEX ON {} ((1))",
        "CREATE TRIGGER x BEFORE UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE RULE x AS ON DELETE TO {} DO INSTEAD NOTHING",
    ):
        denied(app, sql.format(f'"{table}"'))


@pytest.mark.parametrize(("model", "law"), under(AppendOnly))
def test_the_app_may_only_add_to_what_only_grows(app: Session, model: Any, law: Any) -> None:
    table, key = model._meta.db_table, primary_key(model)
    assert app.insert(model) is not None
    denied(app, f'DELETE FROM "{table}"')
    denied(app, f'UPDATE "{table}" SET "{key}" = "{key}"')
    denied(app, f'SELECT 1 FROM "{table}" FOR UPDATE')
    denied(app, f'ALTER TABLE "{table}" DISABLE TRIGGER {law.get_pgid(model)}')
    denied(app, f'DROP TRIGGER {law.get_pgid(model)} ON "{table}"')
    denied(app, f"DROP FUNCTION {law.get_pgid(model)}()")
    denied(
        app,
        f"CREATE OR REPLACE FUNCTION public.{law.get_pgid(model)}() RETURNS trigger AS 'BEGIN RETURN NEW; END' "
        "LANGUAGE plpgsql",
    )


@pytest.mark.parametrize(("model", "law"), under(NeverDelete))
def test_the_app_deletes_no_row_that_must_stay(app: Session, model: Any, law: Any) -> None:
    denied(app, f'DELETE FROM "{model._meta.db_table}"')


IGNORE_ALL = "SET pgtrigger.ignore = '{%s}'"


@pytest.mark.parametrize(("model", "law"), under(Fixed))
def test_the_app_changes_no_fixed_column(app: Session, model: Any, law: Any) -> None:
    row = app.insert(model)
    app.run(IGNORE_ALL % law.get_pgid(model))
    for column in law.columns:
        refused_by(app, law, change(model, column), [another_value(model, column), row])


def laws_of(model: Any) -> set[str]:
    return {law.name for each, law in LAWS if each is model}


@pytest.mark.parametrize(("model", "law"), under(Transitions))
def test_the_app_takes_no_step_that_the_machine_does_not_have(app: Session, model: Any, law: Any) -> None:
    row = app.insert(model, **{law.column: law.machine.initial})
    app.run(IGNORE_ALL % law.get_pgid(model))
    for state in law.machine.transitions.keys() - law.machine.transitions[law.machine.initial]:
        if state != law.machine.initial:
            refusal = app.refusal(step(model, law, state), [str(state), row])
            assert refusal is not None
            assert refusal.code == CHECK
            assert refusal.constraint in laws_of(
                model
            )  # one that asks for evidence may be the first to say no


@pytest.mark.parametrize(("model", "law"), under(StartsAt))
def test_the_app_begins_nothing_in_the_middle(app: Session, model: Any, law: Any) -> None:
    app.run(IGNORE_ALL % law.get_pgid(model))
    for state in law.machine.transitions.keys() - set(law.states):
        refusal = app.refusal(
            f'INSERT INTO "{model._meta.db_table}" ("{law.column}") VALUES (%s)', [str(state)]
        )
        assert refusal is not None
        assert (refusal.code, refusal.constraint) == (CHECK, law.name)


@pytest.mark.parametrize(
    "sql",
    [
        "SET session_replication_role = replica",
        "SET LOCAL session_replication_role = replica",
        "CREATE TABLE public.mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SEQUENCE public.mine",
        "CREATE VIEW public.mine AS SELECT 1",
        "CREATE ROLE mine",
        "CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "UPDATE django_migrations SET name = 'x'",
        "DELETE FROM django_migrations",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'x', now())",
        "UPDATE pg_trigger SET tgenabled = 'D'",
        "COPY core_auditrow TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/hostname')",
        "ALTER SEQUENCE core_auditrow_id_seq RESTART",
        "SELECT setval('core_auditrow_id_seq', 1)",
    ],
)
def test_the_app_is_refused(app: Session, sql: str) -> None:
    denied(app, sql)


def test_the_app_cannot_become_the_owner(app: Session) -> None:
    denied(app, f"SET ROLE {roles.quote(connection.settings_dict['USER'])}")


def test_the_app_gives_itself_no_right(app: Session) -> None:
    app.refusal("GRANT ALL ON core_auditrow TO CURRENT_USER")  # PostgreSQL only warns
    app.run("GRANT SELECT ON core_auditrow TO CURRENT_USER")
    denied(app, "DELETE FROM core_auditrow")


def test_a_temporary_table_does_not_stand_before_the_real_one_in_a_law(app: Session) -> None:
    """Imports stage in temporary tables, so the app may make them; laws look into public first."""
    app.run("CREATE TEMP TABLE core_auditrow (id int)")
    denied(app, "DELETE FROM public.core_auditrow")


def test_the_app_can_do_its_work(app: Session) -> None:
    app.insert(AuditRow)
    row = app.insert(OutboxRow)
    app.run("UPDATE core_outboxrow SET state = 'DONE' WHERE id = %s", [row])
    app.run("SELECT * FROM core_outboxrow FOR UPDATE SKIP LOCKED")
    day = app.insert(CalendarDay)
    app.run("DELETE FROM core_calendarday WHERE day = %s", [day])
    app.run("SELECT name FROM django_migrations")


@pytest.mark.parametrize("table", TABLES)
def test_the_reader_writes_nowhere(readonly: Session, table: str) -> None:
    for sql in ('DELETE FROM "{}"', 'INSERT INTO "{}" DEFAULT VALUES', 'TRUNCATE "{}"', 'DROP TABLE "{}"'):
        denied(readonly, sql.format(table))


@pytest.mark.parametrize("entry", settings.HIDDEN_FROM_READONLY)
def test_the_reader_sees_no_secret(readonly: Session, entry: str) -> None:
    hidden = roles.hidden([entry])
    for table in hidden.tables:
        denied(readonly, f'SELECT * FROM "{table}"')
        denied(readonly, f'SELECT 1 FROM "{table}"')
    for table, column in hidden.columns:
        denied(readonly, f'SELECT "{column}" FROM "{table}"')
        denied(readonly, f'SELECT * FROM "{table}"')


def test_the_reader_sees_the_rest(readonly: Session) -> None:
    secret = roles.hidden(settings.HIDDEN_FROM_READONLY)
    for table in set(TABLES) - secret.tables - {table for table, _ in secret.columns}:
        readonly.run(f'SELECT * FROM "{table}" LIMIT 1')
    readonly.run("SELECT id, username, phone FROM accounts_user LIMIT 1")


def test_every_column_that_sounds_secret_is_hidden() -> None:
    secret = roles.hidden(settings.HIDDEN_FROM_READONLY)
    sounds = re.compile(r"password|token|secret|hash$|session_(key|data)|private")
    # What a customer asked for, kept to tell two requests apart.
    harmless = {("operations_slip", "input_hash")}
    seen = {
        (model._meta.db_table, field.column)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if sounds.search(str(field.column)) and not isinstance(field, BooleanField)
        if model._meta.db_table not in secret.tables
    }
    assert seen - secret.columns - harmless == set()


def test_a_table_made_later_is_the_apps_to_use_and_closed_to_the_reader(
    app: Session, readonly: Session, django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE tests_later (id serial PRIMARY KEY)")
        try:
            app.run("INSERT INTO tests_later DEFAULT VALUES")
            denied(readonly, "SELECT * FROM tests_later")
            app.link.rollback()
            readonly.link.rollback()
        finally:
            cursor.execute("DROP TABLE tests_later")


def test_running_it_again_changes_nothing(made_roles: tuple[str, str], django_db_blocker: Any) -> None:
    sql = """SELECT relname, relacl::text, (SELECT array_agg(attacl::text ORDER BY attnum) FROM pg_attribute
                     WHERE attrelid = pg_class.oid)
               FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname"""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(sql)
        before = [
            (name, sorted((acl or "{}")[1:-1].split(",")), columns)
            for name, acl, columns in cursor.fetchall()
        ]
        call_command("database_roles", app=made_roles[0], readonly=made_roles[1], verbosity=0)
        cursor.execute(sql)
        after = [
            (name, sorted((acl or "{}")[1:-1].split(",")), columns)
            for name, acl, columns in cursor.fetchall()
        ]
    assert before == after


def test_a_role_that_is_too_powerful_is_refused(made_roles: tuple[str, str], django_db_blocker: Any) -> None:
    owner = connection.settings_dict["USER"]
    with django_db_blocker.unblock(), pytest.raises(CommandError, match="too powerful"):
        call_command("database_roles", app=owner, readonly=made_roles[1])


def test_who_may_not_make_roles_is_told_what_to_ask_for(
    made_roles: tuple[str, str], django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {roles.quote(made_roles[0])}")
        try:
            with pytest.raises(CommandError, match='As an administrator: CREATE ROLE "nobody_yet"'):
                call_command("database_roles", app="nobody_yet", readonly=made_roles[1])
        finally:
            cursor.execute("RESET ROLE")


def test_a_wrong_entry_of_what_is_hidden_is_found_at_once() -> None:
    for entry in ("accounts.Nobody", "accounts.User.no_such_field"):
        with pytest.raises((LookupError, FieldDoesNotExist)):
            roles.hidden([entry])
