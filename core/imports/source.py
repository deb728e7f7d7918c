"""A file as a stream of bytes, plain or gzip, that may be read from the start more than once."""

import gzip
import hashlib
import io
import zlib
from codecs import getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from core.imports.errors import FileTooLarge, NotText, UnreadableFile

DEFAULT_MAX_BYTES = 2 * 1024**3  # unpacked: far above a year of bills, far below what fills a disk
BLOCK = 1024**2
_GZIP = b"\x1f\x8b"
_NOT_TEXT = {
    b"PK\x03\x04": "Excel/ZIP",
    b"\xd0\xcf\x11\xe0": "Excel 97",
    b"%PDF": "PDF",
    b"SQLite format 3": "SQLite",
}


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over the whole file tells, before anything is taken from it."""

    bytes: int  # unpacked
    lines: int  # line feeds; near enough for a progress bar
    sha256: str  # of the unpacked bytes
    is_utf8: bool  # every byte of it


class Source:
    """An opened file. Use as a context manager.

    Raises UnreadableFile, NotText (a workbook given for a CSV) or, from `survey`, FileTooLarge.
    """

    def __init__(self, path: Path, *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.path = path
        self.max_bytes = max_bytes
        if path.exists() and not path.is_file():
            raise UnreadableFile(why=f"{path}: not a regular file")
        try:
            self._raw: BinaryIO = path.open("rb")
        except OSError as error:
            raise UnreadableFile(why=f"{path}: {error.strerror}") from error
        self._is_gzip = self._raw.read(2) == _GZIP

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raw.close()

    def open(self) -> BinaryIO:
        """The unpacked bytes from the start. Only one such stream is good at a time."""
        self._raw.seek(0)
        if self._is_gzip:
            return cast(BinaryIO, gzip.GzipFile(fileobj=self._raw))
        return self._raw

    def head(self, size: int = BLOCK) -> bytes:
        """The first bytes; raises NotText for the well-known files that are no text."""
        head = next(self.blocks(size), b"")
        for magic, what in _NOT_TEXT.items():
            if head.startswith(magic):
                raise NotText(what=what)
        return head

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """All bytes from the start; raises FileTooLarge above the cap, UnreadableFile when the packing is broken."""
        stream, total = self.open(), 0
        try:
            while block := stream.read(size):
                total += len(block)
                if total > self.max_bytes:
                    raise FileTooLarge(limit=self.max_bytes)
                yield block
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableFile(why=str(error) or type(error).__name__) from error

    def survey(self) -> Survey:
        """Reads everything once, in constant memory."""
        digest, size, lines = hashlib.sha256(), 0, 0
        utf8 = _Utf8()
        for block in self.blocks():
            digest.update(block)
            size += len(block)
            lines += block.count(b"\n")
            utf8.feed(block)
        return Survey(size, lines, digest.hexdigest(), utf8.feed(b"", final=True))


class _Utf8:
    """Remembers whether everything fed to it was UTF-8."""

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")("strict")
        self._is_good = True

    def feed(self, block: bytes, *, final: bool = False) -> bool:
        if self._is_good:
            try:
                self._decoder.decode(block, final)
            except UnicodeDecodeError:
                self._is_good = False
        return self._is_good


def text(source: Source, encoding: str) -> io.TextIOWrapper:
    """The file's text, line ends as they are; a byte that cannot be read becomes U+FFFD (and its row a reject)."""
    return io.TextIOWrapper(source.open(), encoding=encoding, errors="replace", newline="")
