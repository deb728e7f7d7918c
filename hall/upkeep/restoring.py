"""A backup into an empty database, and the proof that everything is there again."""

import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from billing.services.money import ledger_check
from core import audit
from core.actor import Actor
from hall.upkeep import backups, facts, migrating, sealing, tools
from hall.upkeep.tools import UpkeepError

_PIECE = 1024 * 1024


@dataclass(frozen=True)
class Restored:
    """What came back. `problems` is empty when the database holds what the manifest tells."""

    rows: int
    media_files: int
    problems: tuple[str, ...]
    older_by: int  # migrations that the backup has not had: do them, then check_ledgers; 0: the ledgers were checked


def restore(folder: Path, *, key: Any = None, actor: Actor, as_of: datetime) -> Restored:
    """Fills the empty database that Django is connected to, as the owner of its tables to be.

    Files are checked first, the database afterwards: rows and fen of each table, laws, numbers, and the ledgers.
    Raises UpkeepError when nothing was changed, or when pg_restore failed: then drop the database and begin anew.
    """
    manifest = backups.checked(folder)
    _check_target(manifest)
    files = {name.removesuffix(backups.SEALED): name for name in manifest["files"]}
    if any(name.endswith(backups.SEALED) for name in files.values()) and key is None:
        raise UpkeepError("this backup is sealed: name the private key with --private-key")
    media = _check_media_target()
    _fill(_content(folder / files[backups.DATABASE], key))
    count = _unpack(folder, _content(folder / files[backups.MEDIA], key), media)
    problems = _problems(manifest)
    older = len(migrating.pending())
    if not older:  # the books of an older hall are read by its own code, or after the migrations
        problems += [f"ledger: {each.rule} {each.subject}" for each in ledger_check.run(as_of=as_of)]
        _note(folder, manifest, len(problems), actor=actor, as_of=as_of)
    return Restored(sum(manifest["facts"]["rows"].values()), count, tuple(problems), older)


def _note(folder: Path, manifest: dict[str, Any], problems: int, *, actor: Actor, as_of: datetime) -> None:
    audit.record(
        actor=actor,
        action="hall.restored",
        subject=("hall.Backup", folder.name),
        detail={"problems": problems, "made_at": manifest["made_at"]},
        as_of=as_of,
    )


def _check_target(manifest: dict[str, Any]) -> None:
    if manifest["postgresql"] > tools.major():
        raise UpkeepError(f"the backup is of PostgreSQL {manifest['postgresql']}, the server is older")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        )
        if cursor.fetchone()[0]:
            raise UpkeepError(f"the database {connection.settings_dict['NAME']} is not empty: make a new one")


def _check_media_target() -> Path:
    media = Path(settings.MEDIA_ROOT)
    if media.is_dir() and any(media.iterdir()):
        raise UpkeepError(
            f"{media} is not empty: uploads would be mixed. Move it away, or set HALL_MEDIA_ROOT"
        )
    return media


def _content(path: Path, key: Any) -> Iterator[bytes]:
    with path.open("rb") as file:
        if path.name.endswith(backups.SEALED):
            try:
                yield from sealing.unseal(file, key)
            except sealing.Unreadable as error:
                raise UpkeepError(f"{path}: {error}") from error
        else:
            while piece := file.read(_PIECE):
                yield piece


def _fill(pieces: Iterable[bytes]) -> None:
    """All in one transaction: a restore that fails leaves the database empty."""
    command = [
        str(tools.find("pg_restore")),
        "--no-owner",
        "--no-privileges",
        "--exit-on-error",
        "--single-transaction",
    ]
    name = str(connection.settings_dict["NAME"])
    connection.close()
    process = subprocess.Popen(
        [*command, f"--dbname={name}"],
        env=tools.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    try:
        for piece in pieces:
            process.stdin.write(piece)
        process.stdin.close()
    except BrokenPipeError:
        pass  # pg_restore says why
    except UpkeepError:
        process.kill()
        process.wait()
        raise
    errors = process.stderr.read().decode(errors="replace")
    if process.wait() != 0:
        raise UpkeepError(f"pg_restore failed: {errors.strip()[-2000:]}")


def _unpack(folder: Path, pieces: Iterable[bytes], media: Path) -> int:
    """How many uploaded files came back."""
    media.mkdir(parents=True, exist_ok=True)
    part = media / ".restore.tar"
    with part.open("wb") as file:
        for piece in pieces:
            file.write(piece)
    try:
        with tarfile.open(part) as tar:
            tar.extractall(media, filter="data")
            count = sum(member.isfile() for member in tar)
    finally:
        part.unlink()
    if (media / "media").is_dir():
        for each in (media / "media").iterdir():
            shutil.move(each, media / each.name)
        (media / "media").rmdir()
    return count


def _problems(manifest: dict[str, Any]) -> list[str]:
    found = facts.differences(manifest["facts"], facts.read())
    return found + [f"sequence {name} would give a number twice" for name in facts.numbers_used_twice()]
