"""Real servers in a data folder with a space in its path: a few seconds, and worth them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import redis

from runtime import broker, datafolder, postgres, processes
from runtime.console import Problem
from runtime.credentials import Credentials
from runtime.postgres import ADMIN, APP, OWNER, READONLY, Postgres
from runtime.services import Services
from runtime.venv import ROOT


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    # Not under pytest's own folder, which only its user may enter: as root the servers run as another account.
    with tempfile.TemporaryDirectory(prefix="hall test with spaces ") as folder:
        Path(folder).chmod(0o711)
        made = Services(datafolder.prepare(Path(folder) / "my data"), {})
        made.start()
        try:
            yield made
        finally:
            made.stop()


def ask(url: str, question: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def server(services: Services) -> Postgres:
    assert services.postgres is not None
    return services.postgres


def test_chinese_letters_are_letters(services: Services) -> None:
    url = server(services).url(ADMIN)
    ask(url, "CREATE EXTENSION IF NOT EXISTS pg_trgm")
    assert ask(url, "SELECT cardinality(show_trgm('中文')) > 0") == [(True,)]


def test_durability_is_not_traded_for_speed(services: Services) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert ask(services.owner_url, f"SHOW {setting}") == [("on",)]


def test_the_server_is_reached_from_this_machine_only_and_by_password(services: Services) -> None:
    assert ask(services.owner_url, "SHOW listen_addresses") == [("127.0.0.1",)]
    wrong = services.owner_url.replace(services.credentials.owner_password, "wrong")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        ask(wrong, "SELECT 1")


def test_the_roles_have_the_powers_they_need_and_no_others(services: Services) -> None:
    rows = ask(
        services.owner_url,
        "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolcanlogin FROM pg_roles"
        " WHERE rolname LIKE 'hall%' ORDER BY 1",
    )
    weak = (False, False, False, False, True)
    assert rows == [(ADMIN, True, True, True, True, True), (APP, *weak), (OWNER, *weak), (READONLY, *weak)]


@pytest.mark.parametrize("role", [APP, READONLY])
@pytest.mark.parametrize(
    "statement", ["CREATE TABLE t (a int)", "CREATE SCHEMA s", "SET session_replication_role = replica"]
)
def test_only_the_owner_shapes_the_database(services: Services, role: str, statement: str) -> None:
    with pytest.raises((psycopg2.errors.InsufficientPrivilege, psycopg2.errors.ReadOnlySqlTransaction)):
        ask(server(services).url(role), statement)


def test_the_owner_may_make_tables(services: Services) -> None:
    ask(services.owner_url, "CREATE TABLE made (a int); DROP TABLE made")


def test_the_broker_wants_its_password_and_drops_nothing(services: Services) -> None:
    client = redis.Redis.from_url(services.broker_url)
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert client.config_get("appendonly") == {"appendonly": "yes"}
    open_url = services.broker_url.replace(f":{services.credentials.broker_password}@", "")
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(open_url).ping()


def test_both_survive_a_kill_with_all_that_was_promised(services: Services) -> None:
    assert services.broker is not None
    ask(services.owner_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    redis.Redis.from_url(services.broker_url).set("kept", "42")
    before = services.environment()
    processes.wait_until(lambda: False, 1.2)  # the broker promises what is older than a second
    server(services).kill()
    services.broker.kill()
    assert server(services).process_ended()
    server(services).launch()
    services.broker.launch()
    assert services.environment() == before
    assert ask(services.owner_url, "SELECT answer FROM kept") == [(42,)]
    assert redis.Redis.from_url(services.broker_url).get("kept") == b"42"


def test_a_supervisor_that_died_leaves_servers_that_the_next_one_replaces(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another process starts servers in its own folder and is killed; this one then starts on the same folder."""
    root = services.data.root.parent / "left behind"
    code = (
        "import os, sys; from pathlib import Path\n"
        "from runtime import datafolder; from runtime.services import Services\n"
        "Services(datafolder.prepare(Path(sys.argv[1])), {}).start(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(root)], cwd=ROOT, check=False).returncode == 9
    mine = Services(datafolder.prepare(root), {})
    left = processes.serving_from(root)
    assert left
    try:
        mine.start()
        assert not set(processes.serving_from(root)) & set(left)
        assert ask(mine.owner_url, "SELECT 1") == [(1,)]
    finally:
        mine.stop()
    assert processes.serving_from(root) == []
    shown = capsys.readouterr().out
    assert "A PostgreSQL of an earlier run still serves this data folder" in shown
    assert "A broker of an earlier run still serves this data folder" in shown


def test_temporary_services_of_a_killed_process_are_ended_by_the_next() -> None:
    with tempfile.TemporaryDirectory(prefix="hall left ") as place:
        Path(place).chmod(0o711)
        environ = {**os.environ, "TMPDIR": place}
        code = (
            "import os, sys; from runtime import services\n"
            "with services.temporary({}):\n"
            "    if sys.argv[1:]: os._exit(9)"
        )
        command = [sys.executable, "-c", code]
        killed = subprocess.run([*command, "die"], cwd=ROOT, env=environ, check=False)
        assert killed.returncode == 9
        left = list(Path(place).resolve().iterdir())
        assert len(left) == 1
        assert processes.serving_from(left[0])
        after = subprocess.run(command, cwd=ROOT, env=environ, check=True, capture_output=True, text=True)
        assert "left behind by tests that were killed" in after.stdout
        assert processes.serving_from(left[0]) == []
        assert list(Path(place).iterdir()) == []


def test_a_half_made_cluster_and_stale_lock_files_do_not_stop_a_start(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    root = services.data.root.parent / "half made"
    data = datafolder.prepare(root)
    (datafolder.incomplete(data.postgres) / "base").mkdir(parents=True)
    first = Services(data, {})
    first.start()
    first.stop()
    assert "half-made" in capsys.readouterr().out
    # Our own number stands for the number of a dead server that another process has now.
    server(first).account.own(_written(data.postgres / "postmaster.pid", f"{os.getpid()}\n{data.postgres}\n"))
    server(first).account.own(
        _written(data.sockets / f".s.PGSQL.{server(first).port}.lock", f"{os.getpid()}\n")
    )
    second = Services(data, {})
    try:
        second.start()
        assert ask(second.owner_url, "SELECT 1") == [(1,)]
    finally:
        second.stop()
    assert "recovers by itself" in capsys.readouterr().out


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_lost_passwords_are_made_anew_and_the_data_stays(services: Services) -> None:
    root = services.data.root.parent / "lost"
    data = datafolder.prepare(root)
    first = Services(data, {})
    first.start()
    ask(first.owner_url, "CREATE TABLE kept AS SELECT 7 AS answer")
    first.stop()
    data.credentials.unlink()
    second = Services(data, {})
    try:
        second.start()
        assert second.credentials != first.credentials
        assert ask(second.owner_url, "SELECT answer FROM kept") == [(7,)]
    finally:
        second.stop()


def test_data_of_another_version_is_refused_and_left_alone(services: Services, tmp_path: Path) -> None:
    data = datafolder.prepare(tmp_path / "data")
    data.postgres.mkdir()
    (data.postgres / "PG_VERSION").write_text("15\n")
    with pytest.raises(Problem, match="of PostgreSQL 15, the installed server is 18"):
        Postgres(data, server(services).account, Credentials()).start()
    assert (data.postgres / "PG_VERSION").read_text() == "15\n"


def test_servers_of_ones_own_are_used_and_nothing_is_started(tmp_path: Path) -> None:
    own = {"DATABASE_URL": "postgresql://me@db/hall", "REDIS_URL": "redis://mine"}
    made = Services(datafolder.prepare(tmp_path / "data"), own)
    made.start()
    made.stop()
    assert made.environment() == own | {"DATABASE_OWNER_URL": "postgresql://me@db/hall"}
    assert not made.data.postgres.exists()
    assert not made.data.broker.exists()


def test_paths_with_quotes_are_written_so_that_the_servers_read_them_back() -> None:
    folder = Path("""/a 'b' "c" \\d""")
    assert """unix_socket_directories = '"/a ''b'' ""c"" \\\\d"'\n""" in postgres.settings_text(1, folder)
    assert """dir "/a 'b' \\"c\\" \\\\d"\n""" in broker.settings_text(1, folder, "secret")


@pytest.mark.parametrize(("memory_gb", "buffers"), [(0.25, "64MB"), (4, "512MB"), (64, "1024MB")])
def test_the_cache_fits_the_machine(memory_gb: float, buffers: str) -> None:
    text = postgres.settings_text(1, Path("/s"), int(memory_gb * 1024**3))
    assert f"shared_buffers = '{buffers}'" in text
