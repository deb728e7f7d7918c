"""The embedded PostgreSQL: a cluster of its own, on the loopback address, with the hall's roles."""

import contextlib
import locale
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from runtime import accounts, binaries, ports, processes
from runtime.accounts import Account
from runtime.console import Problem, say
from runtime.credentials import Credentials
from runtime.datafolder import DataFolder, incomplete, write_private

DATABASE = "hall"
ADMIN, OWNER, APP, READONLY = "hall_admin", "hall_owner", "hall_app", "hall_readonly"
SETTINGS_FILE = "hall.conf"
MAJOR = "18"
# With LC_CTYPE=C, pg_trgm and the text-search parser see no letters in Chinese text.
UTF8_LOCALES = ("C.UTF-8", "C.utf8", "en_US.UTF-8", "zh_CN.UTF-8", "UTF-8")
GIGABYTE = 1024**3


class Postgres:
    """One cluster in the data folder. `start` is safe to call on any state an earlier run has left."""

    name = "postgres"

    def __init__(self, data: DataFolder, account: Account, credentials: Credentials) -> None:
        self.data = data
        self.account = account
        self.credentials = credentials
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._bin: Path | None = None

    @property
    def folder(self) -> Path:
        return self.data.postgres

    @property
    def bin(self) -> Path:
        """The folder of the server's programs, pgbench and psql among them."""
        if self._bin is None:
            self._bin = binaries.postgres(self.data, self.account)
        return self._bin

    def url(self, role: str, database: str = DATABASE) -> str:
        """A connection URL for one of the hall's roles."""
        passwords = {
            ADMIN: self.credentials.admin_password,
            OWNER: self.credentials.owner_password,
            APP: self.credentials.app_password,
            READONLY: self.credentials.readonly_password,
        }
        return f"postgresql://{role}:{passwords[role]}@{ports.LOOPBACK}:{self.port}/{database}"

    def start(self) -> None:
        """Make the cluster when there is none, start it, and see that roles and database are there."""
        self.end_survivors()
        if not (self.folder / "PG_VERSION").exists():
            self._initialise()
        self._check_version()
        self.launch()
        self._make_roles()

    def launch(self) -> None:
        """Start the server on the existing cluster and wait until it answers."""
        self.end_survivors()
        # A server that is started again keeps its port: its clients were told that one.
        self.port = self.port or ports.choose(self.data.read_state().get("postgres_port"))
        self._write_settings()
        self._remove_stale_locks()
        self.process = processes.start(self._program())
        self.data.note(postgres_port=self.port, postgres_process=processes.identity(self.process.pid))
        if (
            not processes.wait_until(lambda: self.is_ready() or self.process_ended(), 120)
            or self.process_ended()
        ):
            self.stop()
            raise Problem(
                f"PostgreSQL did not start. The end of {self.data.log(self.name)}:\n"
                f"{processes.last_lines(self.data.log(self.name))}\n"
                f"If the data is not needed, start again with --fresh."
            )

    def stop(self) -> None:
        """Fast shutdown: open sessions are ended, everything committed is on disk."""
        if self.process is not None:
            processes.stop(self._program(), self.process)
            self.process = None

    def process_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    @property
    def exit_code(self) -> int | None:
        return self.process.returncode if self.process else None

    def is_ready(self) -> bool:
        """True when the server accepts connections (asked over its socket, never by process number)."""
        command: list[str | Path] = [
            self.bin / "pg_isready",
            "-q",
            "-t",
            "2",
            "-h",
            self.data.sockets,
            "-p",
            str(self.port),
        ]
        return accounts.run(self.account, command).returncode == 0

    def kill(self) -> None:
        """End at once, as a crash would: for tests of what happens then."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def end_survivors(self) -> None:
        """End a server that an earlier run left in this folder; orphans of a killed one get a moment to go."""
        recorded = self.data.read_state().get("postgres_process")
        alive = processes.serving_from(self.folder, [tuple(recorded)] if recorded else [])
        if self._pid_in_file() in alive:
            say("A PostgreSQL of an earlier run still serves this data folder: stopping it first.")
            processes.end(
                [pid for pid in alive if pid == self._pid_in_file()], first=signal.SIGINT, seconds=30
            )
        if not processes.wait_until(lambda: not processes.serving_from(self.folder), 5):
            processes.end(processes.serving_from(self.folder), first=signal.SIGQUIT, seconds=5)

    def run_sql(self, sql: str, database: str = "postgres") -> str:
        """Run SQL as the cluster's superuser over the socket; returns what psql printed."""
        command: list[str | Path] = [self.bin / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", self.data.sockets, "-p", str(self.port), "-U", ADMIN, "-d", database]
        done = accounts.run(self.account, command, text=sql)
        if done.returncode != 0:
            raise Problem(f"PostgreSQL refused a set-up command:\n{done.stderr.strip()}")
        return done.stdout

    def _program(self) -> processes.Program:
        return processes.Program(
            name=self.name,
            command=(str(self.bin / "postgres"), "-D", str(self.folder)),
            environ=accounts.services_environment(),
            folder=Path("/"),
            log=self.data.log(self.name),
            account=self.account,
            stop_signal=signal.SIGINT,
            patience_seconds=60,
        )

    def _initialise(self) -> None:
        """Build the cluster aside and rename it when it is whole: a run killed midway leaves nothing to trip over."""
        self._check_reach()
        building = incomplete(self.folder)
        if building.exists() or self.folder.exists():
            say("Found a half-made database of an interrupted first start: making it anew.")
            shutil.rmtree(building, ignore_errors=True)
            self._remove_empty_cluster()
        building.mkdir(mode=0o700)
        self.account.own(building)
        command: list[str | Path] = [self.bin / "initdb", "-D", building, "-U", ADMIN, "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command += [f"--lc-ctype={_utf8_locale()}", "--auth=reject", "--no-instructions"]
        done = accounts.run(self.account, command)
        if done.returncode != 0:
            shutil.rmtree(building, ignore_errors=True)
            raise Problem(f"PostgreSQL's initdb failed:\n{done.stdout.strip()}\n{done.stderr.strip()}")
        with (building / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(f"\ninclude = '{SETTINGS_FILE}'\n")
        building.rename(self.folder)

    def _remove_empty_cluster(self) -> None:
        """Only a folder without PG_VERSION comes here. It can hold no database, yet foreign files are left alone."""
        if self.folder.exists():
            if (self.folder / "base").exists():
                raise Problem(
                    f"{self.folder} looks like a database whose file PG_VERSION is lost: nothing was changed.\n"
                    "Restore it from a backup, or drop it with --fresh."
                )
            shutil.rmtree(self.folder)

    def _check_reach(self) -> None:
        if not accounts.can_write(self.account, self.data.root) and self.account.switch:
            self._check_passage()

    def _check_passage(self) -> None:
        """As root the account owns only its own folders, so the data folder itself need only let it through."""
        probe = self.data.root / "reach"
        probe.mkdir(exist_ok=True)
        self.account.own(probe)
        reached = accounts.can_write(self.account, probe)
        shutil.rmtree(probe, ignore_errors=True)
        if not reached:
            raise Problem(
                f"PostgreSQL runs as the user '{self.account.name}', who cannot reach {self.data.root}.\n"
                "Set HALL_DATA_DIR to a folder under /var/lib (or /tmp, for a trial)."
            )

    def _check_version(self) -> None:
        found = (self.folder / "PG_VERSION").read_text(encoding="ascii").strip()
        if found != MAJOR:
            raise Problem(
                f"The data in {self.folder} is of PostgreSQL {found}, the installed server is {MAJOR}.\n"
                "Dump it with the old version and restore it, or drop it with --fresh."
            )

    def _write_settings(self) -> None:
        self._make_socket_folder()
        write_private(self.folder / SETTINGS_FILE, settings_text(self.port, self.data.sockets), self.account)
        write_private(self.folder / "pg_hba.conf", HBA, self.account)
        write_private(self.folder / "pg_ident.conf", f'hall "{self.account.name}" {ADMIN}\n', self.account)

    def _make_socket_folder(self) -> None:
        folder = self.data.sockets
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            self.account.own(folder)
        if folder.is_symlink() or folder.stat().st_uid != self.account.uid:
            raise Problem(
                f"{folder} belongs to another user; remove it or set HALL_DATA_DIR to a shorter path."
            )
        folder.chmod(0o700)

    def _pid_in_file(self) -> int | None:
        try:
            return int((self.folder / "postmaster.pid").read_text(encoding="ascii").splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None

    def _remove_stale_locks(self) -> None:
        """Nobody stands in the folder (see end_survivors), so the lock files name a zombie or a stranger's process.

        PostgreSQL itself only asks whether a process of that number exists, and would refuse to start.
        """
        if processes.serving_from(self.folder):
            return
        file = self.folder / "postmaster.pid"
        if file.exists():
            say(
                "PostgreSQL was not shut down in order last time: it recovers by itself, no committed data is lost."
            )
            file.unlink()
        for lock in self.data.sockets.glob(".s.PGSQL.*"):
            lock.unlink()

    def _make_roles(self) -> None:
        self.run_sql(roles_sql(self.credentials))
        self.run_sql(DATABASE_SQL, DATABASE)


HBA = f"""# Written at each start.
local all {ADMIN} peer map=hall
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
"""


def settings_text(port: int, sockets: Path, memory_bytes: int | None = None) -> str:
    """The included settings file; the cache is an eighth of the memory, 1 GB at most."""
    memory = memory_bytes if memory_bytes is not None else _memory_bytes()
    buffers = max(64, min(1024, memory // 8 // 1024**2))
    values: Mapping[str, str] = {
        "listen_addresses": "'127.0.0.1'",
        "port": str(port),
        "unix_socket_directories": _quoted_folder(sockets),
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "max_locks_per_transaction": "256",  # two passes that switch 10,000 lines off in one transaction, a lock each
        "password_encryption": "'scram-sha-256'",
        "shared_buffers": f"'{buffers}MB'",
        "work_mem": "'32MB'",
        "maintenance_work_mem": "'256MB'",
        "max_wal_size": "'4GB'",
        "checkpoint_timeout": "'15min'",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        # One file of ours that the supervisor sets aside when it grows, instead of the server's own rotation.
        "logging_collector": "off",
        "log_line_prefix": "'%m [%p] %q%u@%d '",
    }
    return "# Written at each start.\n" + "".join(f"{name} = {value}\n" for name, value in values.items())


def _quoted_folder(folder: Path) -> str:
    """The setting is a list: double quotes keep spaces, single quotes around it are the file's own."""
    listed = '"' + str(folder).replace('"', '""') + '"'
    return "'" + listed.replace("\\", "\\\\").replace("'", "''") + "'"


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 8 * GIGABYTE


def _utf8_locale() -> str:
    """The first UTF-8 character type this system has."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in UTF8_LOCALES:
            with contextlib.suppress(locale.Error):
                locale.setlocale(locale.LC_CTYPE, name)
                return name
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    raise Problem(
        "This system has no UTF-8 locale, and without one PostgreSQL finds no letters in Chinese text.\n"
        f"Install one of: {', '.join(UTF8_LOCALES)}."
    )


def roles_sql(credentials: Credentials) -> str:
    """SQL, safe to run at each start, after which the roles and the database exist with today's passwords."""
    powers = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
    passwords = {
        OWNER: credentials.owner_password,
        APP: credentials.app_password,
        READONLY: credentials.readonly_password,
    }
    lines = [f"ALTER ROLE {ADMIN} PASSWORD '{credentials.admin_password}';"]
    for role, password in passwords.items():
        missing = f"NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
        lines += [f"SELECT 'CREATE ROLE {role}' WHERE {missing} \\gexec"]
        lines += [f"ALTER ROLE {role} {powers} PASSWORD '{password}';"]
    missing = f"NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}')"
    lines += [f"SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER}' WHERE {missing} \\gexec"]
    return "\n".join(lines)


DATABASE_SQL = f"""
REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {APP};
GRANT CONNECT ON DATABASE {DATABASE} TO {READONLY};
ALTER ROLE {READONLY} SET default_transaction_read_only = on;
ALTER SCHEMA public OWNER TO {OWNER};
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO {APP}, {READONLY};
"""
