"""The way in: a file of a channel is opened, surveyed and given as a reader of lines."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from billing.statements.alipay import AlipayReader
from billing.statements.archive import MAX_BYTES, StatementFile, Survey
from billing.statements.base import Line, OtherChannel, Summary
from billing.statements.contents import Content
from billing.statements.wechatpay import WeChatReader


class Reader(Protocol):
    """The lines of one statement, once; `summary` when they have been read to the end."""

    def __iter__(self) -> Iterator[Line]: ...

    @property
    def summary(self) -> Summary: ...


_READERS: dict[str, tuple[Content, Callable[[Iterator[str]], Reader]]] = {
    "alipay": (Content.ALIPAY_TRADES, AlipayReader),
    "wechatpay": (Content.WECHAT_TRADES, WeChatReader),
}
CHANNELS = tuple(_READERS)


@dataclass(frozen=True, slots=True)
class Opened:
    """A statement whose bytes are known; `reader` goes over them once."""

    survey: Survey
    reader: Reader


@contextmanager
def opened(path: Path, *, gateway: str, max_bytes: int = MAX_BYTES) -> Iterator[Opened]:
    """The statement in this file, if it is that channel's. Raises the errors of `base`; KeyError: no such channel."""
    content, make = _READERS[gateway]
    with StatementFile(path, max_bytes=max_bytes) as file:
        if file.content is not content:
            raise OtherChannel(found=file.content, asked=content)
        survey = file.survey()
        yield Opened(survey, make(file.lines(survey.encoding)))
