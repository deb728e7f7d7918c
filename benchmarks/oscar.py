"""django-oscar as a peer: its own environment and database, driven over a pipe by `oscar_driver`."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from benchmarks import databases, drivers, peers

VERSION = "4.2.1"  # the newest when the driver was written
# Its driver for PostgreSQL, and its search: left to itself pip takes a trial version that does not run with it.
BESIDE = ("psycopg2-binary==2.9.13", "django-haystack==3.3.0")


@contextmanager
def running(server: str) -> Iterator[drivers.Driver]:
    """django-oscar with production settings on the given server. Raises PeerMissing when it cannot be had here."""
    python = peers.environment("django-oscar", VERSION, *BESIDE)
    with (
        databases.temporary(server, "bench_oscar") as database,
        tempfile.TemporaryDirectory() as folder,
        drivers.running(
            "django-oscar",
            drivers.path_of("oscar_driver.py"),
            python=python,
            variables=peers.own_variables() | {"BENCH_DATABASE": json.dumps(_settings(database))},
            folder=Path(folder),
            setup=[drivers.path_of("oscar_driver.py"), "migrate"],
        ) as driver,
    ):
        yield driver


def _settings(database: str) -> dict[str, str]:
    parts = urlsplit(database)
    return {
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or 5432),
    }
