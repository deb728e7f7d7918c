"""The hall's own processes beside a database and a broker that may be killed: real servers, real kills."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections

from runtime import ports, services
from runtime.broker import Broker
from runtime.postgres import ADMIN, APP, OWNER, Postgres
from tests.gateways import keys
from tests.sandbox import process

PATIENCE = 90.0  # seconds; a busy machine starts Python slowly
QUEUES = "payments,default"  # no stand-in for SMS runs here


@dataclass
class House:
    """Where everything is while it runs. Its database is the default one of Django only inside `books`."""

    postgres: Postgres
    broker: Broker
    folder: Path
    port: int
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    gateway_url: str = "http://127.0.0.1:9/gateway.do"  # nobody is there, unless a test says who

    @property
    def environ(self) -> dict[str, str]:
        return process.environment(
            DJANGO_SETTINGS_MODULE="hall.settings.test",
            DATABASE_URL=self.postgres.url(APP),
            REDIS_URL=self.broker.url,
            ALIPAY_APP_ID=keys.APP_ID,
            ALIPAY_SELLER_ID=keys.SELLER_ID,
            ALIPAY_APP_PRIVATE_KEY_FILE=str(self.folder / "app.pem"),
            ALIPAY_PUBLIC_KEY_FILE=str(self.folder / "alipay.pem"),
            ALIPAY_GATEWAY_URL=self.gateway_url,
        )

    def start(self, name: str, *module: str) -> None:
        with self.log(name).open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=process.REPOSITORY,
                env=self.environ,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def start_web(self) -> None:
        web = ["granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port), "--no-ws"]
        self.start("web", *web, "--blocking-threads", "8", "hall.wsgi:application")
        process.until(self._answers, PATIENCE)

    def start_worker(self, children: int) -> None:
        """A prefork worker that is ready to take tasks."""
        worker = ["celery", "-A", "hall", "worker", "-Q", QUEUES, "-c", str(children), "--without-mingle"]
        self.start("worker", *worker, "--without-gossip")
        process.until(lambda: b" ready." in self.log("worker").read_bytes(), PATIENCE)

    def start_beat(self) -> None:
        self.start("beat", "celery", "-A", "hall", "beat", "--pidfile=", "-s", str(self.folder / "schedule"))

    def kill_worker(self) -> None:
        """The whole worker ends at once, parent and pool."""
        worker = self.processes.pop("worker")
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(10)

    def kill_pool(self) -> None:
        """The children of the worker end at once; their parent lives on."""
        for pid in self.pool():
            os.kill(pid, signal.SIGKILL)

    def pool(self) -> list[int]:
        parent = self.processes["worker"].pid
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]

    def end(self, name: str) -> None:
        """Ends one process in order; what is left of it is killed."""
        ending = self.processes.pop(name)
        ending.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            ending.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(ending.pid, signal.SIGKILL)
        ending.wait(10)

    def end_all(self) -> None:
        for name in list(self.processes):
            self.end(name)

    @contextmanager
    def books(self, role: str = ADMIN) -> Iterator[None]:
        """Inside, Django's default connection of this thread reads and writes this house's database."""
        kept = connections[DEFAULT_DB_ALIAS]
        parts = urlsplit(self.postgres.url(role))
        own = connections.create_connection(DEFAULT_DB_ALIAS)
        own.settings_dict = kept.settings_dict | {
            "HOST": parts.hostname,
            "PORT": parts.port,
            "USER": parts.username,
            "PASSWORD": parts.password,
            "NAME": parts.path.lstrip("/"),
        }
        connections[DEFAULT_DB_ALIAS] = own
        try:
            yield
        finally:
            own.close()
            connections[DEFAULT_DB_ALIAS] = kept

    def session(self) -> "psycopg2.extensions.connection":
        """A session of its own on the database, as its superuser."""
        return psycopg2.connect(self.postgres.url(ADMIN))

    def _answers(self) -> bool:
        try:
            return process.request("GET", f"http://127.0.0.1:{self.port}/healthz").status == 200
        except OSError:
            return False

    def prepare(self) -> None:
        """Keys, tables and rights."""
        (self.folder / "app.pem").write_text(keys.MERCHANT.private_pem)
        (self.folder / "alipay.pem").write_text(keys.ALIPAY.public_pem)
        with self.books(OWNER):
            call_command("migrate", skip_checks=True, verbosity=0)
            call_command("database_roles", skip_checks=True, stdout=StringIO())


@contextmanager
def open_house(folder: Path) -> Iterator[House]:
    """Own servers, empty; the processes are the tests' own. Everything is gone afterwards."""
    with ExitStack() as stack:
        running = stack.enter_context(services.temporary({}))
        assert running.postgres is not None
        assert running.broker is not None
        taken = frozenset({running.postgres.port, running.broker.port})
        house = House(running.postgres, running.broker, folder, ports.choose(None, taken))
        stack.callback(house.end_all)
        yield house
