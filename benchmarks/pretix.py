"""pretix as a peer: its own environment, database and cache, driven over a pipe by `pretix_driver`."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from redis import Redis

from benchmarks import databases, drivers, peers

VERSION = "2026.8.0"  # the newest when the driver was written


@contextmanager
def running(server: str, broker: str) -> Iterator[drivers.Driver]:
    """pretix with production settings on the given servers. Raises PeerMissing when it cannot be had here.

    What it leaves for its background workers is put on the broker, as in production, and not worked
    off: neither is ours.
    """
    python = peers.environment("pretix", VERSION)
    with (
        databases.temporary(server, "bench_pretix") as database,
        _empty_broker(broker) as own_broker,
        tempfile.TemporaryDirectory() as folder,
        drivers.running(
            "pretix",
            drivers.path_of("pretix_driver.py"),
            python=python,
            variables=_variables(database, own_broker, Path(folder)),
            folder=Path(folder),
            setup=["-m", "pretix", "migrate", "--verbosity", "0"],
        ) as driver,
    ):
        yield driver


def _variables(database: str, broker: str, folder: Path) -> dict[str, str]:
    """pretix reads its settings from these; nothing of our own environment is passed on."""
    parts = urlsplit(database)
    return peers.own_variables() | {
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
