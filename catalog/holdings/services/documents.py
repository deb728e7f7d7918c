"""Documents of authorities by which a subscription was ended: who keeps them in, and who may read them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from catalog.holdings.models import Subscription
from core import scopes
from core.actor import Actor
from core.uploads import files, kinds
from core.uploads.models import Upload


def _may_read(user: Any, upload: Upload) -> bool:
    """The staff who may look at the subscription; a letter of the police is no business of the customer's page."""
    if not (user.is_staff and user.has_perm("catalog.view_termination")):
        return False
    return scopes.seen(user, Subscription.objects.filter(number=upload.subject)).exists()


KIND = kinds.register(kinds.Kind("subscription.authority", _may_read))


def keep(*, number: str, name: str, chunks: Iterable[bytes], actor: Actor, as_of: datetime) -> int:
    """The document, which belongs to the subscription from now on; its id. Raises what `files.keep` raises."""
    kept = files.keep(kind=KIND.code, name=name, chunks=chunks, owner_ref=actor.ref, actor=actor, as_of=as_of)
    files.use(upload_id=kept.pk, subject=number, as_of=as_of)
    return kept.pk
