"""Who may read a scanned proof of posting: the staff who may look at its list."""

from typing import Any

from core import scopes
from core.uploads import kinds
from core.uploads.models import Upload
from notices.models import LetterList


def _may_read(user: Any, upload: Upload) -> bool:
    if not (user.is_staff and user.has_perm("notices.view_letterlist")):
        return False
    return scopes.seen(user, LetterList.objects.filter(number=upload.subject)).exists()


KIND = kinds.register(kinds.Kind("letters.proof", _may_read))
