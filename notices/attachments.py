"""What goes out with an e-mail. A message keeps only "kind:reference"; the room of that kind writes it when it is sent.

So a million queued messages hold no documents, and what is sent shows how things stand in that moment. A room registers
its writer at import time:

    @attachments.writer("billing.bill_pdf")
    def bill_pdf(reference: str, *, language: str, as_of: datetime) -> Attachment: …
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str  # of the file, as the reader will save it
    content: bytes
    media_type: str  # e.g. "application/pdf"


class Withdrawn(Exception):
    """Raised by a writer: the reason for the message has gone, it is not sent any more."""


class NoWriter(LookupError):
    """Nobody writes attachments of this kind: another version of the hall queued the message."""


Writer = Callable[..., Attachment]
_writers: dict[str, Writer] = {}


def writer(kind: str) -> Callable[[Writer], Writer]:
    """Registers a function (reference, *, language, as_of) → Attachment. It may read tables, and raise Withdrawn."""

    def register(write: Writer) -> Writer:
        if kind in _writers:
            raise ValueError(f"two writers of {kind}")
        _writers[kind] = write
        return write

    return register


def reference(kind: str, name: str) -> str:
    """What a message keeps: see `notices.services.messages.send`."""
    return f"{kind}:{name}"


def write(attachment: str, *, language: str, as_of: datetime) -> Attachment:
    """The attachment that a message's reference stands for. Raises NoWriter, Withdrawn, or what the writer raises."""
    kind, _colon, name = attachment.partition(":")
    if kind not in _writers:
        raise NoWriter(kind)
    return _writers[kind](name, language=language, as_of=as_of)
