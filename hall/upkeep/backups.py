"""Backups: one folder each, with the database, the uploaded files, and a manifest that tells what must be in them.

    20261122T023000Z/database.dump      pg_dump's custom format; …dump.sealed when a public key is set
    20261122T023000Z/media.tar          what was uploaded
    20261122T023000Z/manifest.json      checksums, versions, and the figures of hall.upkeep.facts

A folder has its name only when it is whole; until then it is called .incomplete-….
"""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from core import heartbeats
from hall.upkeep import facts, sealing, tools
from hall.upkeep.tools import UpkeepError

JOB, EVERY = "backup", timedelta(days=1)
DATABASE, MEDIA, MANIFEST = "database.dump", "media.tar", "manifest.json"
SEALED = ".sealed"
_NAME = "%Y%m%dT%H%M%SZ"
_PIECE = 1024 * 1024


@dataclass(frozen=True)
class Backup:
    """One that is whole."""

    folder: Path
    made_at: datetime

    @property
    def bytes(self) -> int:
        return sum(file.stat().st_size for file in self.folder.iterdir())


def listed(root: Path) -> list[Backup]:
    """All whole backups, the newest first."""
    if not root.is_dir():
        return []
    found = [Backup(folder, at) for folder in root.iterdir() if (at := _made_at(folder))]
    return sorted(found, key=lambda backup: backup.made_at, reverse=True)


def make(root: Path, *, as_of: datetime) -> Backup:
    """Writes one backup and forgets those that are too old; the heartbeat `backup` tells how it ended."""
    if not root.is_dir():
        raise UpkeepError(f"the folder for backups is not there: {root}")
    with heartbeats.beat(JOB, every=EVERY, as_of=as_of) as run:
        with _building(root, as_of.astimezone(UTC).strftime(_NAME)) as folder:
            manifest = _filled(folder, as_of)
        backup = Backup(root / as_of.astimezone(UTC).strftime(_NAME), as_of)
        forgotten = forget_old(root, as_of=as_of)
        run.detail |= {"folder": backup.folder.name, "bytes": backup.bytes, "forgotten": forgotten}
        run.detail["rows"] = sum(manifest["facts"]["rows"].values())
    return backup


def forget_old(root: Path, *, as_of: datetime) -> int:
    """Removes backups older than BACKUP_KEEP_DAYS, never one of the newest BACKUP_KEEP_LEAST; how many."""
    before = as_of - timedelta(days=settings.BACKUP_KEEP_DAYS)
    old = [backup for backup in listed(root)[settings.BACKUP_KEEP_LEAST :] if backup.made_at < before]
    for backup in old:
        shutil.rmtree(backup.folder)
    return len(old)


def checked(folder: Path) -> dict[str, Any]:
    """The manifest of a backup whose files are as they were written; raises UpkeepError."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files: dict[str, str] = manifest["files"]
        for name, digest in files.items():
            if _digest(folder / name) != digest:
                raise UpkeepError(f"{folder / name} is damaged: its checksum is another one")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UpkeepError(f"{folder} is no whole backup: {error}") from error
    return manifest


def _made_at(folder: Path) -> datetime | None:
    try:
        at = datetime.strptime(folder.name, _NAME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return at if (folder / MANIFEST).is_file() else None


@contextmanager
def _building(root: Path, name: str) -> Iterator[Path]:
    """A folder that gets its name when everything in it is on the disk; otherwise it is gone."""
    if (root / name).exists():
        raise UpkeepError(f"there is a backup of this second already: {root / name}")
    for left in root.glob(".incomplete-*"):  # of a run that was killed; two at once are refused by _alone
        shutil.rmtree(left, ignore_errors=True)
    folder = root / f".incomplete-{name}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
        folder.rename(root / name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _filled(folder: Path, as_of: datetime) -> dict[str, Any]:
    key = _key()
    with transaction.atomic(durable=True):
        snapshot = _alone_in_one_snapshot()
        found = facts.read()
        files = dict([_write(folder / DATABASE, _dump(snapshot), key)])
        manifest = {
            "made_at": as_of.isoformat(),
            "postgresql": tools.major(),
            "database": connection.settings_dict["NAME"],
            "facts": found.as_json(),
        }
    files |= dict([_write(folder / MEDIA, _media(folder), key)])
    manifest["files"] = files
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
    return manifest


def _alone_in_one_snapshot() -> str:
    """From here on this transaction sees one instant, which pg_dump is to see as well; raises when another backs up."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('hall.backup'))")
        if not cursor.fetchone()[0]:
            raise UpkeepError("another backup is being made")
        cursor.execute("SELECT pg_export_snapshot()")
        return str(cursor.fetchone()[0])


def _dump(snapshot: str) -> Iterator[bytes]:
    command = [
        tools.find("pg_dump"),
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        "--lock-wait-timeout=60s",
    ]
    command += [f"--snapshot={snapshot}"]
    yield from _output(command)


def _output(command: list[Any]) -> Iterator[bytes]:
    process = subprocess.Popen(
        command, env=tools.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        while piece := process.stdout.read(_PIECE):
            yield piece
        errors = process.stderr.read().decode(errors="replace")
        if process.wait() != 0:
            raise UpkeepError(f"{command[0]} failed: {errors.strip()[-2000:]}")
    finally:
        process.kill()
        process.wait()


def _media(folder: Path) -> Iterator[bytes]:
    """The uploaded files as a tar; written beside, since a tar cannot be read while it grows."""
    beside = folder / "media.part"
    with tarfile.open(beside, "w") as tar:
        if settings.MEDIA_ROOT.is_dir():
            tar.add(settings.MEDIA_ROOT, arcname="media")
    with beside.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
    beside.unlink()


def _write(path: Path, pieces: Iterable[bytes], key: Any) -> tuple[str, str]:
    """Name and checksum of the file that was written, sealed when there is a key."""
    if key is not None:
        path, pieces = path.with_name(path.name + SEALED), sealing.seal(pieces, key)
    digest = hashlib.sha256()
    with path.open("xb") as file:
        path.chmod(0o600)
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return path.name, digest.hexdigest()


def _key() -> Any:
    if not settings.BACKUP_PUBLIC_KEY_FILE:
        return None
    try:
        return sealing.public_key(Path(settings.BACKUP_PUBLIC_KEY_FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise UpkeepError(f"HALL_BACKUP_PUBLIC_KEY_FILE: {error}") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
