"""Databases of a benchmark's own, made before and dropped after."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg2


@contextmanager
def temporary(server: str, purpose: str) -> Iterator[str]:
    """The address of a new, empty database on the server; it is dropped with all connections to it."""
    name = f"hall_{purpose}_{os.getpid()}"
    _sql(server, f'CREATE DATABASE "{name}"')
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
