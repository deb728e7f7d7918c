"""Keeping what people send in: checked, made harmless, scanned, under random names outside of what is served."""

import hashlib
import os
import secrets
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from core.actor import Actor
from core.errors import NotFound, TooManyRequests
from core.uploads import contents, scanners
from core.uploads.models import Upload

UNUSED_FOR = timedelta(days=1)
MOST_UNUSED = 20  # of one owner, in that time
_LONGEST_NAME = 80
_REFUSED = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


class TooManyUploads(TooManyRequests):
    code = "TOO_MANY_UPLOADS"
    message = _("今天上传的文件太多，请明天再试")


def keep(
    *, kind: str, name: str, chunks: Iterable[bytes], owner_ref: str, actor: Actor, as_of: datetime
) -> Upload:
    """The file is here and its owner's; nothing refers to it yet.

    Raises TooManyUploads and what `contents.clean` and the scanner raise; nothing is left then.
    """
    since = as_of - UNUSED_FOR
    if Upload.objects.filter(owner_ref=owner_ref, subject="", created_at__gt=since).count() >= MOST_UNUSED:
        raise TooManyUploads()  # some sent at the same moment may pass: they are gone in a day
    data, scanner = _read(chunks), scanners.configured()
    scanner.scan(data)  # what came, before our own decoders touch it
    clean = contents.clean(data)
    path = _write(clean.data)
    return Upload.objects.create(
        token=secrets.token_urlsafe(32),
        kind=kind,
        owner_ref=owner_ref,
        uploaded_by=actor.ref,
        name=_name(name, clean.content_type),
        content_type=clean.content_type,
        path=path,
        size=len(clean.data),
        digest=hashlib.sha256(clean.data).hexdigest(),
        scanner=scanner.name,
        created_at=as_of,
    )


def unused(*, token: str, kind: str, owner_ref: str) -> Upload:
    """The owner's file that waits to be used; raises NotFound for a stranger's, a used one, and none."""
    found = Upload.objects.filter(token=token, kind=kind, owner_ref=owner_ref, subject="").first()
    if found is None:
        raise NotFound()
    return found


def use(*, upload_id: int, subject: str, as_of: datetime) -> None:
    """The file belongs to that from now on, for good; raises NotFound when it belongs to something else."""
    if not Upload.objects.filter(pk=upload_id, subject="").update(subject=subject, used_at=as_of):
        raise NotFound()


def of(kind: str, subject: str) -> "QuerySet[Upload]":
    """The files that belong to it, the oldest first."""
    return Upload.objects.filter(kind=kind, subject=subject).order_by("pk")


def location(upload: Upload) -> Path:
    return _folder() / upload.path


def forget_unused(*, as_of: datetime, most: int = 1000) -> int:
    """Deletes files that nothing came to refer to within a day; how many."""
    late = Upload.objects.filter(subject="", created_at__lte=as_of - UNUSED_FOR).order_by("created_at")
    gone = 0
    for upload in late[:most]:
        if Upload.objects.filter(pk=upload.pk, subject="").delete()[0]:  # not used at this moment
            location(upload).unlink(missing_ok=True)
            gone += 1
    return gone


def _folder() -> Path:
    """Below what is backed up; no web server looks into it."""
    return Path(settings.MEDIA_ROOT) / "uploads"


def _read(chunks: Iterable[bytes]) -> bytes:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > contents.MOST_BYTES:
            raise contents.FileTooBig()
    return bytes(data)


def _write(data: bytes) -> str:
    """Before its row: a row without its file would be a loss, a file without a row is only litter."""
    name = secrets.token_hex(32)
    path = f"{name[:2]}/{name}"
    place = _folder() / path
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return path


def _name(given: str, content_type: str) -> str:
    """What may be shown of the name, with the ending of what the file is."""
    last = given.replace("\\", "/").rpartition("/")[2]
    shown = "".join(
        character
        for character in unicodedata.normalize("NFC", last)
        if unicodedata.category(character) not in _REFUSED and character not in '<>:"|?*%;'
    )
    stem = shown.rpartition(".")[0] or shown
    return f"{stem.strip(' .')[:_LONGEST_NAME] or 'file'}{contents.ENDINGS[content_type]}"
