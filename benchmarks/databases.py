"""Databases of a benchmark's own, made before and dropped after."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg2


@contextmanager
def temporary(server: str, purpose: str) -> Iterator[str]:
    """The address of a new, empty database on the server; it is dropped with all connections to it."""
    with _created(server, f"hall_{purpose}_{os.getpid()}", "") as address:
        yield address


@contextmanager
def copied(database: str, purpose: str, *, is_large: bool = False) -> Iterator[str]:
    """The address of a copy of the database, to which nobody else is connected just now.

    A large one is copied file by file, not page by page through the log.
    """
    options = f'TEMPLATE "{urlsplit(database).path.removeprefix("/")}"'
    options += " STRATEGY FILE_COPY" if is_large else ""
    with _created(database, f"hall_{purpose}_{os.getpid()}", options) as address:
        yield address


@contextmanager
def _created(server: str, name: str, options: str) -> Iterator[str]:
    _sql(server, f'CREATE DATABASE "{name}" {options}')
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        _sql(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _sql(server: str, statement: str) -> None:
    connection = psycopg2.connect(server)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()
