"""pretix as a peer: its own environment, database and cache, driven over a pipe by `pretix_driver`."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from redis import Redis

from benchmarks import databases, peers

VERSION = "2026.8.0"  # the newest when the driver was written
MIGRATION_SECONDS = 600


class Pretix:
    """A running driver. `rate` orders and confirms one after the other."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log
        self._answer()

    def rate(self, count: int) -> float:
        """Orders placed and confirmed per second."""
        return count / float(self._ask(f"orders {count}"))

    def statements(self) -> int:
        """How many SQL statements one order with its confirmation takes."""
        return int(self._ask("statements"))

    def _ask(self, line: str) -> Any:
        pipe: IO[str] | None = self._process.stdin
        if pipe is None or self._process.poll() is not None:
            raise self._ended()
        pipe.write(f"{line}\n")
        pipe.flush()
        return self._answer()

    def _answer(self) -> Any:
        pipe: IO[str] | None = self._process.stdout
        line = pipe.readline() if pipe else ""
        if not line:
            raise self._ended()
        return json.loads(line)

    def _ended(self) -> peers.PeerMissing:
        return peers.PeerMissing(f"pretix ended: {_last_line(self._log)}")


@contextmanager
def running(server: str, broker: str) -> Iterator[Pretix]:
    """pretix with production settings on the given servers. Raises PeerMissing when it cannot be had here.

    What it leaves for its background workers is put on the broker, as in production, and not worked
    off: neither is ours.
    """
    python = peers.environment("pretix", VERSION)
    with (
        databases.temporary(server, "bench_pretix") as database,
        _empty_broker(broker) as own_broker,
        tempfile.TemporaryDirectory() as folder,
    ):
        variables = _variables(database, own_broker, Path(folder))
        log = Path(folder) / "driver.log"
        _migrate(python, variables, log)
        with _driver(python, variables, log) as process:
            yield Pretix(process, log)


def _variables(database: str, broker: str, folder: Path) -> dict[str, str]:
    """pretix reads its settings from these; nothing of our own environment is passed on."""
    parts = urlsplit(database)
    ours = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return ours | {
        "PRETIX_CONFIG_FILE": os.devnull,
        "DATA_DIR": str(folder),
        "PRETIX_DJANGO_DEBUG": "false",
        "PRETIX_DATABASE_BACKEND": "postgresql",
        "PRETIX_DATABASE_NAME": parts.path.lstrip("/"),
        "PRETIX_DATABASE_USER": unquote(parts.username or ""),
        "PRETIX_DATABASE_PASSWORD": unquote(parts.password or ""),
        "PRETIX_DATABASE_HOST": parts.hostname or "",
        "PRETIX_DATABASE_PORT": str(parts.port or 5432),
        "PRETIX_REDIS_LOCATION": broker,
        "PRETIX_CELERY_BROKER": broker,
        "PRETIX_CELERY_BACKEND": broker,
    }


@contextmanager
def _empty_broker(server: str) -> Iterator[str]:
    """The address of a database of the broker that nobody uses; emptied afterwards."""
    for index in range(15, 0, -1):
        address = urlunsplit(urlsplit(server)._replace(path=f"/{index}"))
        with Redis.from_url(address) as client:
            if not client.dbsize():
                try:
                    yield address
                finally:
                    client.flushdb()
                return
    raise peers.PeerMissing("the broker has no empty database for pretix")


def _migrate(python: Path, variables: dict[str, str], log: Path) -> None:
    print("Making pretix's tables; this takes a minute or two …", flush=True)
    command = [str(python), "-I", "-m", "pretix", "migrate", "--verbosity", "0"]
    with log.open("w") as out:
        done = subprocess.run(
            command,
            cwd=variables["DATA_DIR"],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            timeout=MIGRATION_SECONDS,
            check=False,
        )
    if done.returncode:
        raise peers.PeerMissing(f"pretix cannot make its tables: {_last_line(log)}")


@contextmanager
def _driver(python: Path, variables: dict[str, str], log: Path) -> Iterator[subprocess.Popen[str]]:
    # Isolated, so that the modules beside the driver are not taken for others of the same name.
    command = [str(python), "-I", str(Path(__file__).with_name("pretix_driver.py"))]
    with log.open("a") as errors:
        process = subprocess.Popen(
            command,
            cwd=variables["DATA_DIR"],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
