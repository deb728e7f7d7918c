"""The database and the broker together, each embedded unless the user has named one of his own."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from runtime import accounts, credentials, datafolder, processes
from runtime.broker import Broker
from runtime.console import say
from runtime.credentials import Credentials
from runtime.datafolder import DataFolder
from runtime.postgres import ADMIN, APP, OWNER, READONLY, Postgres

TEMPORARY = "hall-test-"


class Services:
    """What the hall's processes need to be running, and the addresses to reach it."""

    def __init__(self, data: DataFolder, environ: Mapping[str, str]) -> None:
        self.data = data
        self.credentials: Credentials = credentials.load(data.credentials)
        self._own_database_url = environ.get("DATABASE_URL", "")
        self._own_owner_url = environ.get("DATABASE_OWNER_URL", "")
        self._own_broker_url = environ.get("REDIS_URL", "")
        self.postgres: Postgres | None = None
        self.broker: Broker | None = None
        if not (self._own_database_url and self._own_broker_url):
            account = accounts.for_services()
            if not self._own_database_url:
                self.postgres = Postgres(data, account, self.credentials)
            if not self._own_broker_url:
                self.broker = Broker(data, account, self.credentials)

    def start(self) -> None:
        """Start what is embedded, one after the other; both answer when this returns."""
        for service in (self.postgres, self.broker):
            if service is not None:
                service.start()

    def attach(self) -> None:
        """Use the embedded servers that a running hall has started, by the ports it noted."""
        noted = self.data.read_state()
        if self.postgres is not None:
            self.postgres.port = int(noted.get("postgres_port", 0))
        if self.broker is not None:
            self.broker.port = int(noted.get("broker_port", 0))

    def stop(self) -> None:
        """Stop what is embedded: the broker first, the database last."""
        for service in (self.broker, self.postgres):
            if service is not None:
                service.stop()

    @property
    def database_url(self) -> str:
        """The URL of the role that the web server and the workers use."""
        return self.postgres.url(APP) if self.postgres else self._own_database_url

    @property
    def owner_url(self) -> str:
        """The URL of the role that owns the tables and runs migrations."""
        return self.postgres.url(OWNER) if self.postgres else self._own_owner_url or self._own_database_url

    @property
    def broker_url(self) -> str:
        return self.broker.url if self.broker else self._own_broker_url

    def environment(self) -> dict[str, str]:
        """The variables by which the hall finds its services, and the programs that fit them."""
        found = {
            "DATABASE_URL": self.database_url,
            "DATABASE_OWNER_URL": self.owner_url,
            "REDIS_URL": self.broker_url,
        }
        return found if self.postgres is None else found | {"HALL_PG_BIN": str(self.postgres.bin)}

    def test_environment(self) -> dict[str, str]:
        """As `environment`, but with the role that may create test databases, and each other role beside it."""
        if self.postgres is None:
            return self.environment()
        roles = {
            "DATABASE_URL": ADMIN,
            "DATABASE_OWNER_URL": OWNER,
            "DATABASE_APP_URL": APP,
            "DATABASE_READONLY_URL": READONLY,
        }
        return {name: self.postgres.url(role) for name, role in roles.items()} | {
            "REDIS_URL": self.broker_url
        }


@contextlib.contextmanager
def temporary(environ: Mapping[str, str] | None = None) -> Iterator[Services]:
    """Running services in a data folder of their own, stopped and removed afterwards whatever happens."""
    own = os.environ if environ is None else environ
    _sweep(own)
    root = Path(tempfile.mkdtemp(prefix=TEMPORARY)).resolve()
    services: Services | None = None
    try:
        data = datafolder.prepare(root)
        data.note(supervisor=dict(zip(("pid", "started"), processes.identity(os.getpid()), strict=True)))
        services = Services(data, own)
        services.start()
        yield services
    finally:
        if services is not None:
            services.stop()
        shutil.rmtree(root, ignore_errors=True)


def _sweep(environ: Mapping[str, str]) -> None:
    """End and remove what temporary services of a killed process have left behind."""
    for folder in Path(tempfile.gettempdir()).resolve().glob(f"{TEMPORARY}*"):
        if folder.is_dir() and folder.stat().st_uid == os.geteuid():
            data = DataFolder(folder)
            owner = data.read_state().get("supervisor", {})
            # Without a note it is only just being made.
            if owner and not processes.still_alive([(owner["pid"], owner["started"])]):
                say(f"Removing {folder}, left behind by tests that were killed.")
                _end(data, environ)
                shutil.rmtree(folder, ignore_errors=True)


def _end(data: DataFolder, environ: Mapping[str, str]) -> None:
    processes.end(processes.leftovers(data.root))
    left = Services(data, environ)
    for service in (left.broker, left.postgres):
        if service is not None:
            service.end_survivors()
