"""What uploads are for, and who may read them: said by the rooms that use them, since this one knows no domain."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.uploads.models import Upload

MayRead = Callable[[Any, Upload], bool]


@dataclass(frozen=True, slots=True)
class Kind:
    """`may_read` is asked about files that belong to something; until then they are their owner's alone."""

    code: str
    may_read: MayRead


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    if _kinds.setdefault(kind.code, kind) is not kind:
        raise ValueError(f"two kinds of uploads with the code {kind.code}")
    return kind


def may_read(user: Any, upload: Upload) -> bool:
    """Whether this user may have the file; nobody may, where no room says who."""
    if upload.subject == "":
        return upload.owner_ref == f"user:{user.pk}"
    kind = _kinds.get(upload.kind)
    return kind is not None and kind.may_read(user, upload)
