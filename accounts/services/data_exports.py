"""A copy of everything that is held on a user: asked for by him, made by a worker, kept for seven days."""

import gzip
import json
import logging
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import locks, personal_data
from accounts.events import DataExportEnded
from accounts.models import DATA_EXPORT_MACHINE, DataExport, DataExportState, User
from core import outbox
from core.errors import Conflict, NotFound, TooManyRequests
from core.metrics import register_queue
from core.queues import Queue
from notices.models import Channel
from notices.services import messages

log = logging.getLogger(__name__)
TASK = "accounts.make_data_exports"
KEPT_FOR = timedelta(days=7)
PAUSE = timedelta(days=1)  # between two copies: each reads everything
FORMAT = "business-hall.personal-data.1"
_S = DataExportState
QUEUE = Queue(
    model=DataExport,
    task=TASK,
    celery_queue="default",
    waiting=_S.REQUESTED,
    given_up=_S.FAILED,
    lease=timedelta(minutes=5),
    max_attempts=5,
)
register_queue("data_exports", QUEUE)


class ExportUnderWay(Conflict):
    code = "EXPORT_UNDER_WAY"
    message = _("您的数据副本正在准备，好了会短信通知")


class ExportTooSoon(TooManyRequests):
    code = "EXPORT_TOO_SOON"
    message = _("每天可以申请一次，请明天再试")


@transaction.atomic
def request(*, user_id: int, as_of: datetime) -> DataExport:
    """A copy that a worker makes soon. Raises ExportUnderWay, ExportTooSoon."""
    locks.user(user_id)
    check(user_id=user_id, as_of=as_of)
    row = DataExport.objects.create(
        reference=secrets.token_hex(12), user_id=user_id, requested_at=as_of, next_attempt_at=as_of
    )
    QUEUE.poke()
    return row


def check(*, user_id: int, as_of: datetime) -> None:
    """Raises what `request` would raise."""
    rows = DataExport.objects.filter(user_id=user_id)
    if rows.filter(state=_S.REQUESTED).exists():
        raise ExportUnderWay()
    if rows.filter(requested_at__gt=as_of - PAUSE).exclude(state=_S.FAILED).exists():
        raise ExportTooSoon()


def claim(*, as_of: datetime, limit: int = 5) -> list[DataExport]:
    """Copies to make, each given to this caller alone for a while."""
    return list(QUEUE.claim(limit=limit, as_of=as_of))


def make(row: DataExport, *, as_of: datetime) -> bool:
    """The copy can be downloaded and its user is told so; or the row waits for its next turn. Never raises."""
    try:
        content = written(User.objects.get(pk=row.user_id), reference=row.reference, as_of=as_of)
        _keep(row, content, as_of=as_of)
    except Exception as error:  # a fault in one room's part must not stop the copies of others
        log.exception("copy of data not made", extra={"export": row.reference})
        _put_back(row, error, as_of=as_of)
        return False
    return True


def written(user: User, *, reference: str, as_of: datetime) -> bytes:
    """The copy itself: JSON, compressed."""
    document = {
        "format": FORMAT,
        "reference": reference,
        "made_at": as_of.isoformat(),
        "amounts": "fen",
        "data": personal_data.everything(user),
    }
    text = json.dumps(document, ensure_ascii=False, indent=1, cls=DjangoJSONEncoder)
    return gzip.compress(text.encode(), mtime=0)


def read(*, user_id: int, reference: str, as_of: datetime) -> bytes:
    """The JSON of a copy. Raises NotFound for a stranger's, and for one that is not there yet or any more."""
    rows = DataExport.objects.filter(user_id=user_id, reference=reference, state=_S.READY, purge_at__gt=as_of)
    row = rows.first()
    if row is None or row.content is None:
        raise NotFound()
    return gzip.decompress(bytes(row.content))


def try_again(*, export_id: int, as_of: datetime) -> None:
    """Puts a FAILED copy back into the queue; raises NotFound for any other."""
    changes: dict[str, Any] = {"attempts": 0, "error": "", "next_attempt_at": as_of}
    failed = DataExport.objects.filter(pk=export_id, state=_S.FAILED)
    if not failed.update(state=_S.REQUESTED, **changes):
        raise NotFound()
    QUEUE.poke()


def purge(*, as_of: datetime, user_id: int | None = None) -> int:
    """Deletes the contents whose days are over; with `user_id` all of that user's, and what was still to be made."""
    rows = DataExport.objects.filter(state=_S.READY, purge_at__lte=as_of)
    if user_id is not None:
        rows = DataExport.objects.filter(user_id=user_id).exclude(state=_S.PURGED)
    return rows.update(state=_S.PURGED, content=None, purge_at=as_of)


@transaction.atomic
def _keep(row: DataExport, content: bytes, *, as_of: datetime) -> None:
    """Under the user's lock: a login that was closed meanwhile gets no copy."""
    user = locks.user(row.user_id)
    DATA_EXPORT_MACHINE.check(row.state, _S.READY)
    kept = DataExport.objects.filter(pk=row.pk, state=_S.REQUESTED).update(
        state=_S.READY, content=content, ready_at=as_of, purge_at=as_of + KEPT_FOR, error=""
    )
    if not kept:
        return
    outbox.publish(DataExportEnded(reference=row.reference, state=_S.READY), as_of=as_of)
    if user.proven_phone:
        messages.send(
            code="data_export_ready",
            recipient_ref=f"user:{user.pk}",
            addresses=[messages.Address(Channel.SMS, user.proven_phone)],
            context={"days": str(KEPT_FOR.days), "url": settings.BASE_URL},
            dedupe_key=f"data_export:{row.reference}",
            as_of=as_of,
            language=user.language,
        )


@transaction.atomic
def _put_back(row: DataExport, error: Exception, *, as_of: datetime) -> None:
    QUEUE.failed(row, error=type(error).__name__, as_of=as_of)
    if DataExport.objects.filter(pk=row.pk, state=_S.FAILED).exists():
        outbox.publish(DataExportEnded(reference=row.reference, state=_S.FAILED), as_of=as_of)
