"""PostgreSQL's own programs, of the same major version as the server: another one may write or read it wrongly."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection


class UpkeepError(Exception):
    """Something that an operator must put right first, in a sentence for him; nothing was changed."""


def major() -> int:
    """The major version of the server."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        return int(cursor.fetchone()[0]) // 10_000


def find(name: str) -> Path:
    """The program of the server's major version; raises UpkeepError."""
    wanted = major()
    for candidate in _candidates(name, wanted):
        if candidate.exists() and _version(candidate) == wanted:
            return candidate
    raise UpkeepError(
        f"{name} of PostgreSQL {wanted} is not here: install its client programs, or set HALL_PG_BIN"
    )


def environment() -> dict[str, str]:
    """What tells those programs which database, without a password on their command line."""
    known: dict[str, Any] = connection.settings_dict
    values = {
        "PGHOST": known["HOST"],
        "PGPORT": str(known["PORT"] or ""),
        "PGUSER": known["USER"],
        "PGPASSWORD": known["PASSWORD"],
        "PGDATABASE": known["NAME"],
        "PGSSLMODE": known.get("OPTIONS", {}).get("sslmode", ""),
        "PGCONNECT_TIMEOUT": "10",
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C",
    }
    return {name: str(value) for name, value in values.items() if value}


def _candidates(name: str, wanted: int) -> Iterator[Path]:
    if settings.PG_BIN:
        yield Path(settings.PG_BIN) / name
    yield Path(f"/usr/lib/postgresql/{wanted}/bin") / name  # Debian, Ubuntu
    yield Path(f"/usr/pgsql-{wanted}/bin") / name  # RHEL and its kin
    if found := shutil.which(name):
        yield Path(found)


def _version(program: Path) -> int:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\) (\d+)", done.stdout)
    return int(found.group(1)) if found else 0
