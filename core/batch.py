"""What batch commands share: when they may be stopped, and how their options are read."""

import gc
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import FrameType

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from core import clock, heartbeats
from core.errors import HallError

_OBJECTS_BETWEEN_COLLECTIONS = 100_000
_BACK = timedelta(days=1)  # how far a run may be put back where other days are refused


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """SIGTERM and SIGINT let the present chunk finish; a second one ends the process at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set  # only the main thread may listen
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Inside, Python looks seldom for cycles among objects, and not at all among those that are there already.

    A chunk is some hundred thousand objects without cycles; looking through them took a third of an import's time.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def refusing() -> Iterator[None]:
    """What the domain refuses ends the command with its text, not with a traceback."""
    try:
        yield
    except HallError as error:
        raise CommandError(error.text) from error


def add_region(parser: CommandParser) -> None:
    """The option that every command over accounts has."""
    parser.add_argument(
        "--region", default="", metavar="CODE", help="only accounts in this region, or below it"
    )


def positive(text: str) -> int:
    """An option that is a count; raises CommandError."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise CommandError(_("应为正整数：%(text)s") % {"text": text})
    return int(text)


def instant(text: str) -> datetime:
    """An option that is a time, in Shanghai where it names no zone; raises CommandError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(_("时间应写成 2026-11-21T08:00:00+08:00：%(text)s") % {"text": text}) from error
    return at if at.tzinfo else at.replace(tzinfo=clock.SHANGHAI)


def written_at(given: datetime | None, *, job: str) -> datetime:
    """The instant at which a run that writes is done: the one given, or now.

    Raises CommandError for one given that is in the future, more than a day ago, or before the last run of `job` began:
    rows that say they are older than they are would make up waiting times. Settings with ALLOW_OTHER_DAYS refuse none.
    """
    now = clock.now()
    if given is None or getattr(settings, "ALLOW_OTHER_DAYS", False):
        return given or now
    last = heartbeats.last_start(job)
    if given > now or given < now - _BACK or (last and given < last):
        text = _("不能按 %(at)s 写入：只能是上次运行之后、一天以内且不晚于现在的时间")
        raise CommandError(text % {"at": given.isoformat()})
    return given
